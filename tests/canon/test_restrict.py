"""Requests cut down to what a channel takes."""

from uni_api.canon import (
    Call,
    Losses,
    Media,
    Request,
    Result,
    Text,
    Tool,
    ToolChoice,
    Turn,
    without_images,
    without_tools,
)

IMAGE = Media(kind="image", url="https://a.example/x.png")
SOUND = Media(kind="audio", data=b"x")
HISTORY = (
    Turn(role="system", parts=(Text(text="Be brief."),)),
    Turn(role="user", parts=(Text(text="Look."), IMAGE, SOUND)),
    Turn(role="assistant", parts=(Text(text="I will."), Call(id="c1", name="look"))),
    Turn(role="assistant", parts=(Call(id="c2", name="look"),)),
    Turn(role="user", parts=(Result(call="c1", parts=(Text(text="seen"), IMAGE)), Result(call="c2"))),
)
REQUEST = Request(
    model="m",
    turns=HISTORY,
    tools=(Tool(name="look"),),
    tool_choice=ToolChoice(mode="required"),
    parallel=True,
    max_tokens=9,
)


def paths(losses: Losses) -> list[str]:
    assert all(loss.kind == "meaning" for loss in losses.items)
    return [loss.path for loss in losses.items]


def test_tools_calls_and_results_are_taken_out() -> None:
    losses = Losses()
    cut = without_tools(REQUEST, losses)
    assert (cut.tools, cut.tool_choice, cut.parallel, cut.max_tokens) == ((), None, None, 9)
    assert cut.turns == (*HISTORY[:2], Turn(role="assistant", parts=(Text(text="I will."),)))
    assert paths(losses) == [
        "tools",
        "turns[2].parts[1]",
        "turns[3].parts[0]",
        "turns[4].parts[0]",
        "turns[4].parts[1]",
    ]


def test_images_are_taken_out_of_results_too() -> None:
    losses = Losses()
    cut = without_images(REQUEST, losses)
    assert cut.turns[1].parts == (Text(text="Look."), SOUND)
    assert cut.turns[4].parts == (Result(call="c1", parts=(Text(text="seen"),)), Result(call="c2"))
    assert (cut.turns[0], cut.turns[2:4]) == (HISTORY[0], HISTORY[2:4])
    assert cut.tools == REQUEST.tools
    assert paths(losses) == ["turns[1].parts[1]", "turns[4].parts[0].parts[1]"]


def test_a_turn_that_is_left_with_nothing_goes_and_one_that_had_nothing_stays() -> None:
    request = Request(model="m", turns=(Turn(role="user", parts=()), Turn(role="user", parts=(IMAGE,))))
    assert without_images(request, Losses()).turns == (Turn(role="user", parts=()),)


def test_a_request_that_has_none_of_it_is_unchanged_and_loses_nothing() -> None:
    request = Request(model="m", turns=(Turn(role="user", parts=(Text(text="x"), SOUND), name="ann"),), max_tokens=3)
    losses = Losses()
    assert without_images(without_tools(request, losses), losses) == request
    assert not losses


def test_the_request_of_the_client_is_left_alone() -> None:
    without_images(without_tools(REQUEST, Losses()), Losses())
    assert REQUEST.turns is HISTORY
    assert REQUEST.tools == (Tool(name="look"),)
