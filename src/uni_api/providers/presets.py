"""Well-known hosts: `provider: groq` needs no base_url. A new OpenAI-compatible host is one row here.

Each address is the base URL that the host's own documentation gives for its chat API (read 2026-11-24).
"""

from collections.abc import Mapping
from types import MappingProxyType

PRESETS: Mapping[str, str] = MappingProxyType(
    {
        "openai": "https://api.openai.com/v1",
        "anthropic": "https://api.anthropic.com/v1",
        "gemini": "https://generativelanguage.googleapis.com/v1beta",
        "cerebras": "https://api.cerebras.ai/v1",
        "deepinfra": "https://api.deepinfra.com/v1/openai",
        "deepseek": "https://api.deepseek.com/v1",
        "fireworks": "https://api.fireworks.ai/inference/v1",
        "groq": "https://api.groq.com/openai/v1",
        "huggingface": "https://router.huggingface.co/v1",
        "hyperbolic": "https://api.hyperbolic.xyz/v1",
        "mistral": "https://api.mistral.ai/v1",
        "moonshot": "https://api.moonshot.ai/v1",
        "nebius": "https://api.studio.nebius.com/v1",
        "nvidia": "https://integrate.api.nvidia.com/v1",
        "openrouter": "https://openrouter.ai/api/v1",
        "perplexity": "https://api.perplexity.ai/chat/completions",
        "sambanova": "https://api.sambanova.ai/v1",
        "siliconflow": "https://api.siliconflow.cn/v1",
        "together": "https://api.together.xyz/v1",
        "xai": "https://api.x.ai/v1",
        "zhipu": "https://open.bigmodel.cn/api/paas/v4",
    }
)
