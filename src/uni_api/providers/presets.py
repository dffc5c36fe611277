"""Well-known hosts: `provider: groq` needs no base_url. A new OpenAI-compatible host is one row here.

Each address is the base URL that documentation gives for the host's chat API, checked 2026-11-24; hosts that could not
be checked are left out.
"""

from collections.abc import Mapping
from types import MappingProxyType

PRESETS: Mapping[str, str] = MappingProxyType(
    {
        "openai": "https://api.openai.com/v1",
        "anthropic": "https://api.anthropic.com/v1",
        "gemini": "https://generativelanguage.googleapis.com/v1beta",
        "bedrock": "https://bedrock-runtime.us-east-1.amazonaws.com",
        "cerebras": "https://api.cerebras.ai/v1",
        "deepseek": "https://api.deepseek.com/v1",
        "fireworks": "https://api.fireworks.ai/inference/v1",
        "groq": "https://api.groq.com/openai/v1",
        "huggingface": "https://router.huggingface.co/v1",
        "mistral": "https://api.mistral.ai/v1",
        "moonshot": "https://api.moonshot.ai/v1",
        "nebius": "https://api.tokenfactory.nebius.com/v1",
        "nvidia": "https://integrate.api.nvidia.com/v1",
        "ollama": "http://localhost:11434",
        "openrouter": "https://openrouter.ai/api/v1",
        "perplexity": "https://api.perplexity.ai/chat/completions",
        "siliconflow": "https://api.siliconflow.cn/v1",
        "together": "https://api.together.xyz/v1",
        "xai": "https://api.x.ai/v1",
        "zhipu": "https://open.bigmodel.cn/api/paas/v4",
    }
)
