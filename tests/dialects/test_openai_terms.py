from openai.types.chat import completion_create_params as chat
from openai.types.responses import response_create_params as responses

from uni_api.canon import Rest
from uni_api.dialects.openai_terms import ALIKE, RESPONSES_ONLY, is_kin, kin

CHAT = chat.CompletionCreateParamsBase.__annotations__.keys()
RESPONSES = responses.ResponseCreateParamsBase.__annotations__.keys()


def test_what_is_alike_is_in_both_formats() -> None:
    assert ALIKE <= CHAT
    assert ALIKE <= RESPONSES


def test_what_is_of_one_format_is_not_in_the_other() -> None:
    assert RESPONSES_ONLY <= RESPONSES
    assert not RESPONSES_ONLY & CHAT


def test_only_the_maker_of_both_is_kin() -> None:
    assert kin(Rest("openai_chat", {"a": 1})) == {"a": 1}
    assert kin(Rest("openai_responses", {"a": 1})) == {"a": 1}
    assert kin(Rest("anthropic", {"a": 1})) == {}
    assert kin(None) == {}
    assert is_kin("openai_chat") and not is_kin("gemini")
