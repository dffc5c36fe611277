from tests.cassettes.typed import gemini_problems
from uni_api.canon import Call, Losses, Request, Result, Text, Turn
from uni_api.dialects import gemini, registry
from uni_api.dialects.gemini import vertex


def asked() -> Request:
    calls = (Call(id="call_1", name="f", arguments="{}"), Call(id="call_2", name="g", arguments='{"id": 1}'))
    results = (Result(call="call_2", parts=(Text(text="two"),)), Result(call="call_1", parts=(Text(text="one"),)))
    return Request(
        model="gemini-2.5-pro",
        turns=(
            Turn(role="user", parts=(Text(text="go"),)),
            Turn(role="assistant", parts=calls),
            Turn(role="user", parts=results),
        ),
    )


def test_calls_and_results_have_no_ids_and_stay_in_order() -> None:
    body = vertex.write_request(asked(), Losses())
    calls = [part["functionCall"] for part in body["contents"][1]["parts"]]
    results = [part["functionResponse"] for part in body["contents"][2]["parts"]]
    assert [call["name"] for call in calls] == [result["name"] for result in results] == ["f", "g"]
    assert not any("id" in one for one in (*calls, *results))
    assert calls[1]["args"] == {"id": 1}
    assert not gemini_problems(body)


def test_all_else_is_as_the_gemini_api_has_it() -> None:
    plain = Request(model="gemini-2.5-pro", turns=(Turn(role="user", parts=(Text(text="go"),)),))
    assert vertex.write_request(plain, Losses()) == gemini.write_request(plain, Losses())
    assert registry.back("gemini_vertex").name == "gemini_vertex"
    assert registry.back("gemini_vertex").read_error is gemini.read_error
