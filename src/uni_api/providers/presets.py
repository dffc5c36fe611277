"""Well-known hosts: `provider: groq` needs no base_url. A new OpenAI-compatible host is one row here.

Each address is the base URL that the host's documentation, or the public code of its users, gives for its chat API
(looked up 2026-11-24); hosts for which neither was found are left out.
"""

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import urlsplit

_OPENAI_FORMAT = {
    "openai": "https://api.openai.com/v1",
    "ark": "https://ark.cn-beijing.volces.com/api/v3",
    "baichuan": "https://api.baichuan-ai.com/v1",
    "byteplus": "https://ark.ap-southeast.bytepluses.com/api/v3",
    "cerebras": "https://api.cerebras.ai/v1",
    "dashscope": "https://dashscope.aliyuncs.com/compatible-mode/v1",
    "dashscope-intl": "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
    "deepinfra": "https://api.deepinfra.com/v1/openai",
    "deepseek": "https://api.deepseek.com/v1",
    "fireworks": "https://api.fireworks.ai/inference/v1",
    "github": "https://models.github.ai/inference",
    "groq": "https://api.groq.com/openai/v1",
    "huggingface": "https://router.huggingface.co/v1",
    "hunyuan": "https://api.hunyuan.cloud.tencent.com/v1",
    "hyperbolic": "https://api.hyperbolic.xyz/v1",
    "jina": "https://deepsearch.jina.ai/v1",
    "lmstudio": "http://localhost:1234/v1",
    "minimax": "https://api.minimax.io/v1",
    "minimax-cn": "https://api.minimaxi.com/v1",
    "mistral": "https://api.mistral.ai/v1",
    "moonshot": "https://api.moonshot.ai/v1",
    "moonshot-cn": "https://api.moonshot.cn/v1",
    "nebius": "https://api.tokenfactory.nebius.com/v1",
    "novita": "https://api.novita.ai/openai/v1",
    "nvidia": "https://integrate.api.nvidia.com/v1",
    "openrouter": "https://openrouter.ai/api/v1",
    "perplexity": "https://api.perplexity.ai/chat/completions",
    "qianfan": "https://qianfan.baidubce.com/v2",
    "sambanova": "https://api.sambanova.ai/v1",
    "siliconflow": "https://api.siliconflow.cn/v1",
    "siliconflow-intl": "https://api.siliconflow.com/v1",
    "stepfun": "https://api.stepfun.com/v1",
    "together": "https://api.together.xyz/v1",
    "vercel": "https://ai-gateway.vercel.sh/v1",
    "vllm": "http://localhost:8000/v1",
    "volcengine": "https://ark.cn-beijing.volces.com/api/v3",
    "xai": "https://api.x.ai/v1",
    "zai": "https://api.z.ai/api/paas/v4",
    "zhipu": "https://open.bigmodel.cn/api/paas/v4",
}

_OTHER_FORMATS = {
    "anthropic": "https://api.anthropic.com/v1",
    "bedrock": "https://bedrock-runtime.us-east-1.amazonaws.com",
    "cohere": "https://api.cohere.com/v2",
    "gemini": "https://generativelanguage.googleapis.com/v1beta",
    "ollama": "http://localhost:11434",
}

PRESETS: Mapping[str, str] = MappingProxyType(dict(sorted({**_OPENAI_FORMAT, **_OTHER_FORMATS}.items())))

_OTHER_PATHS = {"generativelanguage.googleapis.com": "/v1beta/openai", "models.inference.ai.azure.com": ""}


def _paths() -> dict[str, str]:
    parts = [urlsplit(base_url) for base_url in _OPENAI_FORMAT.values()]
    return {**{part.netloc: part.path.removesuffix("/chat/completions") for part in parts}, **_OTHER_PATHS}


_PATHS: Mapping[str, str] = MappingProxyType(_paths())


def path_at(host: str) -> str:
    """The path that stands for a bare `host` (with its port, in lower case) when the OpenAI format is spoken there."""
    return _PATHS.get(host, "/v1")
