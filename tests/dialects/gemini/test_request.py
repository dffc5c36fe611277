"""Requests: what the API is told, what it can't be told, and that nothing is lost in silence."""

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dialects import laws
from tests.dialects.gemini.wire import check
from uni_api.canon import (
    Cache,
    Call,
    Citation,
    Effort,
    Foreign,
    Losses,
    Media,
    Part,
    Reasoning,
    Request,
    Rest,
    Result,
    Sampling,
    Seal,
    Shape,
    Text,
    Thinking,
    Tool,
    ToolChoice,
    Turn,
    keep_realm,
)
from uni_api.dialects import gemini

FLASH = "gemini-2.5-flash"
PRO = "gemini-2.5-pro"
THIRD = "gemini-3-flash-preview"
SKIP = "skip_thought_signature_validator"
PNG = b"\x89PNG\r\n\x1a\n"

SEAL = Seal(realm="gemini", token="c2lnbmF0dXJl")
WEATHER = Tool(
    name="weather",
    description="Tells the weather.",
    schema={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)


def user(*parts: Part | str) -> Turn:
    return Turn(role="user", parts=tuple(Text(text=part) if isinstance(part, str) else part for part in parts))


def model(*parts: Part | str) -> Turn:
    return Turn(role="assistant", parts=tuple(Text(text=part) if isinstance(part, str) else part for part in parts))


def system(*parts: Part | str) -> Turn:
    return Turn(role="system", parts=tuple(Text(text=part) if isinstance(part, str) else part for part in parts))


def write(request: Request) -> tuple[dict[str, Any], Losses]:
    losses = Losses()
    return check(gemini.write_request(request, losses)), losses


def ask(*turns: Turn, model: str = FLASH, **fields: Any) -> Request:
    return Request(model=model, turns=turns or (user("Hi"),), **fields)


def contents(*turns: Turn, model: str = FLASH) -> list[dict[str, Any]]:
    body, _ = write(ask(*turns, model=model))
    found: list[dict[str, Any]] = body["contents"]
    return found


def paths(losses: Losses, *kinds: str) -> list[str]:
    return [loss.path for loss in losses.items if not kinds or loss.kind in kinds]


class TestTurns:
    def test_the_smallest_body(self) -> None:
        body, losses = write(ask(user("Hi"), model="gemini-2.0-flash"))
        assert body == {
            "contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
            "safetySettings": [
                {"category": f"HARM_CATEGORY_{name}", "threshold": "OFF"}
                for name in ("HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT")
            ],
        }
        assert not losses

    def test_turns_of_one_speaker_are_merged(self) -> None:
        assert contents(user("a"), user("b", "c"), model("d"), model("e"), user("f")) == [
            {"role": "user", "parts": [{"text": "a"}, {"text": "b"}, {"text": "c"}]},
            {"role": "model", "parts": [{"text": "d"}, {"text": "e"}]},
            {"role": "user", "parts": [{"text": "f"}]},
        ]

    def test_instructions_go_to_the_front_in_order(self) -> None:
        body, losses = write(ask(system("a", "b"), system("c"), user("Hi"), system("d"), model("Ho"), user("?")))
        assert body["systemInstruction"] == {"parts": [{"text": letter} for letter in "abcd"]}
        assert [content["role"] for content in body["contents"]] == ["user", "model", "user"]
        assert paths(losses) == ["turns[3]"]
        assert paths(losses, "hint") == ["turns[3]"]

    def test_a_model_without_instructions_hears_them_from_the_user(self) -> None:
        body, losses = write(ask(system("Be brief."), user("Hi"), model="gemma-3-27b-it", shape=Shape(kind="json")))
        assert "systemInstruction" not in body
        (content,) = body["contents"]
        first, wish, last = (part["text"] for part in content["parts"])
        assert (first, last) == ("Be brief.", "Hi")
        assert "JSON" in wish
        assert paths(losses) == ["shape", "turns[0]"]
        body, _ = write(ask(system("Say this."), model="gemini-2.5-flash-preview-tts"))
        assert body["contents"] == [{"role": "user", "parts": [{"text": "Say this."}]}]

    def test_an_image_among_the_instructions_is_shown_by_the_user(self) -> None:
        body, losses = write(ask(system("Look:", Media(kind="image", data=PNG)), user("Well?")))
        assert body["systemInstruction"] == {"parts": [{"text": "Look:"}]}
        assert [list(part) for part in body["contents"][0]["parts"]] == [["inlineData"], ["text"]]
        assert paths(losses) == ["turns[0].parts[1]"]

    @pytest.mark.parametrize("turns", [(system("Only this."),), (user(""),), (user(),)])
    def test_nothing_said_becomes_a_blank(self, turns: tuple[Turn, ...]) -> None:
        assert contents(*turns) == [{"role": "user", "parts": [{"text": " "}]}]

    def test_a_conversation_that_the_model_begins_gets_a_blank_before_it(self) -> None:
        assert contents(model("Hello!"), user("Hi")) == [
            {"role": "user", "parts": [{"text": " "}]},
            {"role": "model", "parts": [{"text": "Hello!"}]},
            {"role": "user", "parts": [{"text": "Hi"}]},
        ]

    def test_a_begun_answer_is_followed_by_a_blank_where_it_must_be(self) -> None:
        turns = (user("Count."), model("1, 2,"))
        assert contents(*turns, model=THIRD)[-1]["role"] == "model"
        body, losses = write(ask(*turns, model="gemini-3.6-flash"))
        assert body["contents"][-1] == {"role": "user", "parts": [{"text": " "}]}
        assert paths(losses) == ["turns[1]"]

    def test_thoughts_and_signatures_go_back_where_they_came_from(self) -> None:
        turn = model(
            Thinking(text="Hm."),
            Thinking(),
            Text(text="So.", seal=SEAL),
            Text(seal=SEAL),
            Media(kind="image", mime="image/png", data=b"", seal=SEAL),
            Call(id="1", name="weather", arguments="{}", seal=SEAL),
        )
        assert contents(user("?"), turn)[1]["parts"] == [
            {"text": "Hm.", "thought": True},
            {"text": "So.", "thoughtSignature": SEAL.token},
            {"text": "", "thoughtSignature": SEAL.token},
            {"inlineData": {"mimeType": "image/png", "data": ""}, "thoughtSignature": SEAL.token},
            {"functionCall": {"id": "1", "name": "weather", "args": {}}, "thoughtSignature": SEAL.token},
        ]

    def test_what_has_no_place_is_entered(self) -> None:
        turn = Turn(
            role="user",
            name="Ann",
            parts=(
                Text(text="a", cache=Cache(), citations=(Citation(url="u"),), rest=Rest("other", {"x": 1})),
                Media(kind="image", data=PNG, name="n.png"),
                Foreign(dialect="other", block={"type": "gizmo"}),
                Foreign(dialect="gemini", block={"executableCode": {"language": "PYTHON", "code": "1"}}),
            ),
        )
        body, losses = write(ask(turn))
        assert paths(losses) == [
            "turns[0].name",
            "turns[0].parts[0].x",
            "turns[0].parts[0].cache",
            "turns[0].parts[0].citations[0]",
            "turns[0].parts[1].name",
            "turns[0].parts[2]",
        ]
        assert body["contents"][0]["parts"][2] == {"executableCode": {"language": "PYTHON", "code": "1"}}


class TestCalls:
    def test_calls_and_results_in_the_order_of_the_calls(self) -> None:
        turns = (
            user("Weather?"),
            model(
                Call(id="1", name="weather", arguments='{"b":1,"a":[2.50]}'),
                Call(id="2", name="time", arguments=""),
            ),
            user("Now,", Result(call="2", parts=(Text(text='{"hour": 9}'),))),
            user(Result(call="1", parts=(Text(text="cold"),), error=True), "go on"),
        )
        written = contents(*turns)
        assert written[1]["parts"] == [
            {"functionCall": {"id": "1", "name": "weather", "args": {"b": 1, "a": [2.5]}}},
            {"functionCall": {"id": "2", "name": "time", "args": {}}},
        ]
        assert list(written[1]["parts"][0]["functionCall"]["args"]) == ["b", "a"]
        assert written[2] == {
            "role": "user",
            "parts": [
                {"functionResponse": {"id": "1", "name": "weather", "response": {"error": "cold"}}},
                {"functionResponse": {"id": "2", "name": "time", "response": {"result": '{"hour": 9}'}}},
                {"text": "Now,"},
                {"text": "go on"},
            ],
        }

    @pytest.mark.parametrize("arguments", ['{"a":', "[1]", '"x"', "1e999", "null", "[" * 5000])
    def test_arguments_that_are_no_object_are_wrapped(self, arguments: str) -> None:
        body, losses = write(ask(user("?"), model(Call(id="1", name="f", arguments=arguments))))
        assert body["contents"][1]["parts"][0]["functionCall"]["args"] == {"input": arguments}
        assert paths(losses) == ["turns[1].parts[0].arguments"]

    def test_free_text_calls_are_wrapped(self) -> None:
        body, losses = write(
            ask(
                user("?"),
                model(Call(id="1", name="sh", arguments="ls", custom=True)),
                tools=(Tool(name="sh", custom=True),),
            )
        )
        assert body["contents"][1]["parts"][0]["functionCall"]["args"] == {"input": "ls"}
        (declaration,) = body["tools"][0]["functionDeclarations"]
        assert declaration["parameters"]["required"] == ["input"]
        assert paths(losses) == ["turns[1].parts[0].arguments", "tools[0]"]

    def test_a_result_without_a_call_is_named_after_its_id(self) -> None:
        body, losses = write(ask(user(Result(call="c9", parts=(Text(text="x"),)))))
        assert body["contents"][0]["parts"][0]["functionResponse"]["name"] == "c9"
        assert paths(losses, "meaning") == ["turns[0].parts[0].call"]
        assert contents(user(Result(call="c9", name="f")))[0]["parts"][0]["functionResponse"] == {
            "id": "c9",
            "name": "f",
            "response": {"result": ""},
        }

    def test_several_texts_of_a_result_stay_apart(self) -> None:
        result = Result(call="1", name="f", parts=(Text(text="a"), Text(text="b")))
        written = contents(user("?"), model(Call(id="1", name="f")), user(result))
        assert written[2]["parts"][0]["functionResponse"]["response"] == {"result": ["a", "b"]}

    def test_media_of_a_result(self) -> None:
        turns = (
            user("?"),
            model(Call(id="1", name="f", seal=SEAL)),
            user(Result(call="1", parts=(Text(text="a"), Media(kind="image", data=PNG)))),
        )
        image = {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}
        inside = contents(*turns, model=THIRD)[2]["parts"]
        assert inside == [{"functionResponse": {"id": "1", "name": "f", "response": {"result": "a"}, "parts": [image]}}]
        beside = contents(*turns)[2]["parts"]
        assert beside == [{"functionResponse": {"id": "1", "name": "f", "response": {"result": "a"}}}, image]

    def test_only_the_first_call_of_each_step_of_the_current_turn_gets_a_stand_in(self) -> None:
        result = user(Result(call="1", name="f", parts=(Text(text="x"),)))
        body, losses = write(
            ask(
                user("old"),
                model(Call(id="0", name="f")),
                user(Result(call="0", parts=(Text(text="x"),))),
                model("Done."),
                user("new"),
                model(Call(id="1", name="f"), Call(id="2", name="f")),
                result,
                model(Call(id="3", name="f", seal=SEAL), Call(id="4", name="f")),
                model=THIRD,
            )
        )
        signatures = [
            part.get("thoughtSignature")
            for content in body["contents"]
            for part in content["parts"]
            if "functionCall" in part
        ]
        assert signatures == [None, SKIP, None, SEAL.token, None]
        assert paths(losses, "hint") == ["turns[5].parts[0].seal"]

    def test_older_models_need_no_stand_in(self) -> None:
        assert "thoughtSignature" not in contents(user("?"), model(Call(id="1", name="f")))[1]["parts"][0]

    def test_names_too_long_are_cut_in_the_open(self) -> None:
        long = "n" * 200
        body, losses = write(ask(user("?"), model(Call(id="1", name=long)), tools=(Tool(name=long),)))
        name = body["tools"][0]["functionDeclarations"][0]["name"]
        assert body["contents"][1]["parts"][0]["functionCall"]["name"] == name
        assert paths(losses, "meaning") == ["turns[1].parts[0].name", "tools[0].name"]

    def test_leftovers_of_parts(self) -> None:
        own = Text(text="a", rest=Rest("gemini", {"partMetadata": {"k": "v"}}))
        body, losses = write(ask(user(own, Result(call="1", name="f", cache=Cache()))))
        assert body["contents"][0]["parts"][1] == {"text": "a", "partMetadata": {"k": "v"}}
        assert paths(losses) == ["turns[0].parts[1].cache"]

    def test_a_history_of_results_alone_is_the_current_turn(self) -> None:
        first = Call(id="1", name="f")
        written = contents(user(Result(call="0", name="f")), model(first), model=THIRD)
        assert written[1]["parts"][0]["thoughtSignature"] == SKIP

    def test_names_the_api_refuses_can_be_read_back(self) -> None:
        body, losses = write(
            ask(
                user("?"),
                model(Call(id="1", name="1 fun!")),
                user(Result(call="1")),
                tools=(Tool(name="1 fun!"),),
                tool_choice=ToolChoice(mode="named", names=("1 fun!",)),
            )
        )
        name = body["contents"][1]["parts"][0]["functionCall"]["name"]
        assert name == body["contents"][2]["parts"][0]["functionResponse"]["name"]
        assert name == body["tools"][0]["functionDeclarations"][0]["name"]
        assert [name] == body["toolConfig"]["functionCallingConfig"]["allowedFunctionNames"]
        assert not losses
        answer = {"candidates": [{"content": {"parts": [{"functionCall": {"name": name}}]}, "finishReason": "STOP"}]}
        call = gemini.read_reply(answer, "r").choices[0].parts[0]
        assert isinstance(call, Call)
        assert call.name == "1 fun!"


class TestTools:
    def test_declarations(self) -> None:
        strict = Tool(name="f", strict=True, cache=Cache(), schema={"type": "object", "additionalProperties": False})
        search = Foreign(dialect="gemini", block={"googleSearch": {}})
        body, losses = write(
            ask(tools=(WEATHER, strict, search, Tool(name="g"), Foreign(dialect="other", block={"type": "x"})))
        )
        assert body["tools"] == [
            {
                "functionDeclarations": [
                    {"name": "weather", "description": "Tells the weather.", "parameters": WEATHER.schema},
                    {"name": "f", "parametersJsonSchema": strict.schema},
                    {"name": "g"},
                ]
            },
            {"googleSearch": {}},
        ]
        assert paths(losses) == ["tools[1].strict", "tools[1].cache", "tools[4]"]

    @pytest.mark.parametrize("schema", [None, {}, {"type": "object"}, {"type": "object", "properties": {}}])
    def test_a_function_without_parameters_has_none(self, schema: dict[str, Any] | None) -> None:
        body, losses = write(ask(tools=(Tool(name="f", schema=schema),)))
        assert body["tools"] == [{"functionDeclarations": [{"name": "f"}]}]
        assert not losses

    def test_a_model_without_json_schema_loses_in_the_open(self) -> None:
        tool = Tool(name="f", schema={"type": "object", "properties": {"n": {"type": "number", "multipleOf": 3}}})
        body, losses = write(ask(model="gemma-3-27b-it", tools=(tool,)))
        parameters = body["tools"][0]["functionDeclarations"][0]["parameters"]
        assert parameters["properties"]["n"]["description"] == 'JSON Schema: {"multipleOf":3}'
        assert paths(losses) == ["tools[0].schema"]

    @pytest.mark.parametrize(
        ("choice", "config"),
        [
            (ToolChoice(mode="auto"), {"mode": "AUTO"}),
            (ToolChoice(mode="none"), {"mode": "NONE"}),
            (ToolChoice(mode="required"), {"mode": "ANY"}),
            (ToolChoice(mode="required", names=("f", "g")), {"mode": "ANY", "allowedFunctionNames": ["f", "g"]}),
            (ToolChoice(mode="named", names=("f",)), {"mode": "ANY", "allowedFunctionNames": ["f"]}),
            (ToolChoice(mode="auto", names=("f",)), {"mode": "VALIDATED", "allowedFunctionNames": ["f"]}),
        ],
    )
    def test_choices(self, choice: ToolChoice, config: dict[str, Any]) -> None:
        body, losses = write(ask(tools=(WEATHER,), tool_choice=choice, parallel=True))
        assert body["toolConfig"] == {"functionCallingConfig": config}
        assert not losses

    def test_a_choice_among_no_functions(self) -> None:
        body, losses = write(ask(tool_choice=ToolChoice(mode="required"), parallel=False))
        assert "toolConfig" not in body
        assert paths(losses) == ["parallel", "tool_choice"]


class TestGeneration:
    def test_sampling(self) -> None:
        body, losses = write(
            ask(
                model="gemini-2.0-flash",
                max_tokens=100,
                stop=("a", "b", "c", "d", "e", "f"),
                sampling=Sampling(
                    temperature=0.5,
                    top_p=0.9,
                    top_k=40,
                    seed=7,
                    presence_penalty=0.1,
                    frequency_penalty=0.2,
                    n=2,
                    logprobs=True,
                    top_logprobs=3,
                    min_p=0.1,
                    logit_bias={"50256": -100},
                ),
                user="u1",
                cache=Cache(),
                modalities=("text", "image", "smell"),
            )
        )
        assert body["generationConfig"] == {
            "temperature": 0.5,
            "topP": 0.9,
            "topK": 40,
            "seed": 7,
            "presencePenalty": 0.1,
            "frequencyPenalty": 0.2,
            "candidateCount": 2,
            "responseLogprobs": True,
            "logprobs": 3,
            "maxOutputTokens": 100,
            "stopSequences": ["a", "b", "c", "d", "e"],
            "responseModalities": ["TEXT", "IMAGE"],
        }
        assert paths(losses) == [
            "sampling.min_p",
            "sampling.logit_bias.50256",
            "stop[5]",
            "modalities[2]",
            "user",
            "cache",
        ]

    def test_a_seed_beyond_32_bits_is_left_out(self) -> None:
        body, losses = write(ask(model="gemini-2.0-flash", sampling=Sampling(seed=2**40, top_logprobs=2)))
        assert "generationConfig" not in body
        assert paths(losses) == ["sampling.seed", "sampling.top_logprobs"]

    def test_a_model_is_not_told_what_it_would_refuse(self) -> None:
        told = Sampling(temperature=0.1, top_p=0.5, top_k=3, presence_penalty=0.2, frequency_penalty=0.3, n=2, seed=1)
        body, losses = write(ask(model="gemini-3.8-flash", sampling=told))
        assert body["generationConfig"] == {"seed": 1, "thinkingConfig": {"includeThoughts": True}}
        names = ("temperature", "top_p", "top_k", "presence_penalty", "frequency_penalty", "n")
        assert paths(losses, "tuning") == [f"sampling.{name}" for name in names]
        neutral = Sampling(temperature=0.1, presence_penalty=0, frequency_penalty=0.0, n=1)
        body, losses = write(ask(model=THIRD, sampling=neutral))
        assert body["generationConfig"] == {"temperature": 0.1, "thinkingConfig": {"includeThoughts": True}}
        assert not losses

    def test_sound_comes_alone_and_text_is_the_default(self) -> None:
        body, _ = write(ask(model="gemini-2.5-flash-preview-tts", modalities=("text", "audio")))
        assert body["generationConfig"] == {"responseModalities": ["AUDIO"]}
        body, _ = write(ask(model="gemini-2.0-flash", modalities=("text",)))
        assert "generationConfig" not in body

    def test_one_resolution_for_all(self) -> None:
        low, high = (Media(kind="image", data=PNG, detail=detail) for detail in ("low", "high"))
        auto = Media(kind="image", data=PNG, detail="auto")
        body, losses = write(ask(user(low, high, auto), model="gemini-2.0-flash"))
        assert body["generationConfig"] == {"mediaResolution": "MEDIA_RESOLUTION_HIGH"}
        assert paths(losses) == ["turns[0].parts[0].detail"]
        body, losses = write(ask(user(low), model="gemini-2.0-flash"))
        assert body["generationConfig"] == {"mediaResolution": "MEDIA_RESOLUTION_LOW"}
        assert not losses

    @pytest.mark.parametrize(
        ("model", "shape", "config"),
        [
            (FLASH, Shape(kind="text"), {}),
            (FLASH, Shape(kind="json"), {"responseMimeType": "application/json"}),
            (
                FLASH,
                Shape(kind="schema", schema={"type": "string"}, description="d"),
                {"responseMimeType": "application/json", "responseSchema": {"type": "string", "description": "d"}},
            ),
            (
                FLASH,
                Shape(kind="schema", schema={"enum": [1]}, strict=True),
                {"responseMimeType": "application/json", "responseJsonSchema": {"enum": [1]}},
            ),
        ],
    )
    def test_shapes(self, model: str, shape: Shape, config: dict[str, Any]) -> None:
        body, losses = write(ask(model=model, shape=shape))
        assert body["generationConfig"] == {**config, "thinkingConfig": {"includeThoughts": True}}
        assert not losses

    def test_json_beside_tools_is_a_wish_in_words_before_the_third_generation(self) -> None:
        shape = Shape(kind="schema", schema={"type": "string", "description": "mark"})
        body, losses = write(ask(tools=(WEATHER,), shape=shape))
        assert "responseMimeType" not in body["generationConfig"]
        assert "mark" in body["systemInstruction"]["parts"][0]["text"]
        assert paths(losses, "tuning") == ["shape"]
        body, losses = write(ask(model=THIRD, tools=(WEATHER,), shape=shape))
        assert body["generationConfig"]["responseSchema"] == shape.schema
        assert not losses


class TestThinking:
    @pytest.mark.parametrize(
        ("model", "reasoning", "config", "lossy"),
        [
            (FLASH, None, {"includeThoughts": True}, False),
            (FLASH, Reasoning(show=False), None, False),
            (FLASH, Reasoning(effort="none"), {"thinkingBudget": 0}, False),
            (FLASH, Reasoning(enabled=False), {"thinkingBudget": 0}, False),
            (FLASH, Reasoning(budget=0), {"thinkingBudget": 0}, False),
            (FLASH, Reasoning(effort="low"), {"thinkingBudget": 1024, "includeThoughts": True}, False),
            (FLASH, Reasoning(effort="high"), {"thinkingBudget": 24576, "includeThoughts": True}, False),
            (FLASH, Reasoning(effort="max"), {"thinkingBudget": 24576, "includeThoughts": True}, False),
            (FLASH, Reasoning(budget=2048, effort="high"), {"thinkingBudget": 2048, "includeThoughts": True}, False),
            (FLASH, Reasoning(budget=99999), {"thinkingBudget": 24576, "includeThoughts": True}, True),
            (FLASH, Reasoning(budget=-1), {"thinkingBudget": -1, "includeThoughts": True}, False),
            (FLASH, Reasoning(adaptive=True), {"thinkingBudget": -1, "includeThoughts": True}, False),
            (FLASH, Reasoning(budget=500, show=False), {"thinkingBudget": 500}, False),
            (PRO, Reasoning(effort="none"), {"thinkingBudget": 128, "includeThoughts": True}, True),
            (PRO, Reasoning(budget=1), {"thinkingBudget": 128, "includeThoughts": True}, True),
            (PRO, Reasoning(effort="xhigh"), {"thinkingBudget": 32768, "includeThoughts": True}, False),
            ("gemini-2.5-flash-lite", None, None, False),
            ("gemini-2.5-flash-lite", Reasoning(budget=1), {"thinkingBudget": 512, "includeThoughts": True}, True),
            (THIRD, None, {"includeThoughts": True}, False),
            (THIRD, Reasoning(effort="minimal"), {"thinkingLevel": "minimal", "includeThoughts": True}, False),
            (THIRD, Reasoning(effort="medium"), {"thinkingLevel": "medium", "includeThoughts": True}, False),
            (THIRD, Reasoning(effort="xhigh"), {"thinkingLevel": "high", "includeThoughts": True}, True),
            (THIRD, Reasoning(effort="none"), {"thinkingLevel": "minimal", "includeThoughts": True}, True),
            (THIRD, Reasoning(budget=2000), {"thinkingLevel": "low", "includeThoughts": True}, True),
            (THIRD, Reasoning(budget=-1), {"includeThoughts": True}, False),
            ("gemini-3-pro-preview", Reasoning(effort="minimal"),
             {"thinkingLevel": "low", "includeThoughts": True}, True),
            ("gemini-3-pro-preview", Reasoning(effort="medium"),
             {"thinkingLevel": "low", "includeThoughts": True}, True),
            ("gemini-2.0-flash", None, None, False),
            ("gemini-2.0-flash", Reasoning(effort="none"), None, False),
            ("gemini-2.0-flash", Reasoning(effort="high"), None, True),
            ("house-model", None, None, False),
            ("house-model", Reasoning(effort="low"), {"thinkingLevel": "low", "includeThoughts": True}, False),
        ],
    )  # fmt: skip
    def test_the_wish_in_the_words_of_the_family(
        self, model: str, reasoning: Reasoning | None, config: dict[str, Any] | None, lossy: bool
    ) -> None:
        body, losses = write(ask(model=model, reasoning=reasoning))
        assert body.get("generationConfig", {}).get("thinkingConfig") == config
        assert bool(losses) is lossy


class TestRest:
    def test_leftovers_of_this_dialect_go_back(self) -> None:
        rest = Rest(
            "gemini",
            {
                "cachedContent": "cachedContents/1",
                "safetySettings": [],
                "generationConfig": {"temperature": 0.1, "speechConfig": {"languageCode": "de"}},
                "toolConfig": {"includeServerSideToolInvocations": True},
            },
        )
        body, losses = write(
            ask(
                model="gemini-2.0-flash",
                sampling=Sampling(temperature=0.9),
                tools=(WEATHER,),
                tool_choice=ToolChoice(mode="auto"),
                rest=rest,
            )
        )
        assert body["generationConfig"] == {"temperature": 0.9, "speechConfig": {"languageCode": "de"}}
        assert body["toolConfig"] == {
            "includeServerSideToolInvocations": True,
            "functionCallingConfig": {"mode": "AUTO"},
        }
        assert (body["cachedContent"], body["safetySettings"]) == ("cachedContents/1", [])
        assert not losses

    def test_leftovers_of_another_dialect_are_entered(self) -> None:
        body, losses = write(ask(rest=Rest("other", {"store": True, "tier": "x"}, frozenset({"tier"}))))
        assert "store" not in body
        assert paths(losses, "tuning") == ["store"]
        assert paths(losses, "hint") == ["tier"]


words = st.uuids().map(lambda value: f"w{value.hex}")
maybe_cache = st.none() | st.builds(Cache, ttl=words)
rests = st.none() | st.builds(Rest, words, st.dictionaries(words, words, min_size=1, max_size=2))
texts = st.builds(Text, text=words, cache=maybe_cache, rest=rests, citations=st.just(()))
medias = st.builds(
    Media,
    kind=st.sampled_from(["image", "audio", "video", "document"]),
    data=st.binary(max_size=8),
    name=st.none() | words,
    detail=st.none() | st.sampled_from(["low", "high", "auto"]),
    rest=rests,
)
arguments = st.dictionaries(words, words, max_size=2).map(json.dumps) | words
calls = st.builds(Call, id=words, name=words, arguments=arguments, custom=st.booleans(), rest=rests)
results = st.builds(
    Result,
    call=words,
    name=st.none() | words,
    parts=st.lists(texts | medias, max_size=2).map(tuple),
    error=st.booleans(),
    rest=rests,
)
foreigns = st.builds(Foreign, dialect=words, block=st.dictionaries(words, words, max_size=1))
thoughts = st.builds(Thinking, text=words, rest=rests)
turns = st.one_of(
    st.builds(Turn, role=st.just("system"), parts=st.lists(texts, max_size=2).map(tuple), rest=rests),
    st.builds(
        Turn,
        role=st.just("user"),
        name=st.none() | words,
        parts=st.lists(texts | medias | results | foreigns, max_size=3).map(tuple),
    ),
    st.builds(
        Turn, role=st.just("assistant"), parts=st.lists(texts | calls | thoughts | foreigns, max_size=3).map(tuple)
    ),
)
schemas = st.recursive(
    st.fixed_dictionaries({"type": st.sampled_from(["string", "integer", "null"]), "description": words}),
    lambda inner: (
        st.builds(
            lambda names, extra: {"type": "object", "properties": names, **extra},
            st.dictionaries(words, inner, max_size=2),
            st.dictionaries(st.sampled_from(["title", "$comment", "examples"]), words, max_size=2),
        )
        | st.builds(lambda variants: {"anyOf": variants}, st.lists(inner, min_size=1, max_size=2))
    ),
    max_leaves=5,
)
tools = st.builds(
    Tool,
    name=words,
    description=st.none() | words,
    schema=st.none() | schemas,
    strict=st.none() | st.booleans(),
    custom=st.booleans(),
    cache=maybe_cache,
    rest=rests,
)
shapes = st.builds(
    Shape,
    kind=st.just("schema"),
    name=st.none() | words,
    description=st.none() | words,
    schema=schemas,
)
efforts: st.SearchStrategy[Effort] = st.sampled_from(["none", "minimal", "low", "medium", "high", "xhigh", "max"])
requests = st.builds(
    Request,
    model=st.sampled_from(
        ["gemini-1.5-pro", "gemini-2.0-flash", FLASH, PRO, "gemini-2.5-flash-image", THIRD, "gemini-3-pro-preview", "x"]
    ),
    turns=st.lists(turns, max_size=5).map(tuple),
    tools=st.lists(tools | foreigns, max_size=2).map(tuple),
    tool_choice=st.none()
    | st.builds(ToolChoice, mode=st.sampled_from(["auto", "none", "required"]), names=st.just(())),
    parallel=st.none() | st.booleans(),
    stop=st.lists(words, max_size=7).map(tuple),
    sampling=st.builds(Sampling, seed=st.none() | st.integers(), logit_bias=st.none() | st.just({"5": 1.0})),
    reasoning=st.none() | st.builds(Reasoning, effort=st.none() | efforts, budget=st.none() | st.integers(-1, 40000)),
    shape=st.none() | shapes,
    user=st.none() | words,
    rest=rests,
)


def leaves(value: Any, path: str = "") -> list[tuple[str, str]]:
    """Every marked word in a canon value, with its path. Argument text is one word a word in it."""
    if isinstance(value, str):
        return [(path, word) for word in set(_words(value))]
    if isinstance(value, Rest):
        return [(f"{path.removesuffix('.rest').removesuffix('rest')}.{name}".lstrip("."), word)
                for name, each in value.fields.items() for _, word in leaves(each)]  # fmt: skip
    if isinstance(value, msgspec.Struct):
        return [
            leaf
            for name in value.__struct_fields__
            for leaf in leaves(getattr(value, name), f"{path}.{name}".lstrip("."))
        ]
    if isinstance(value, dict):
        return [leaf for name, each in value.items() for leaf in (*leaves(name, path), *leaves(each, path))]
    if isinstance(value, tuple | list):
        return [leaf for number, each in enumerate(value) for leaf in leaves(each, f"{path}[{number}]")]
    return []


def _words(text: str) -> list[str]:
    return re.findall("w[0-9a-f]{32}", text)


@given(requests)
def test_law_2_every_word_is_said_or_its_path_is_in_the_ledger(request: Request) -> None:
    losses = Losses()
    body = check(gemini.write_request(request, losses))
    said = msgspec.json.encode(body).decode()
    lost = paths(losses)
    for path, word in leaves(request):
        if word not in said:
            assert any(path == entry or path.startswith((f"{entry}.", f"{entry}[")) for entry in lost), (
                path,
                word,
                lost,
            )


@given(laws.requests, st.sampled_from(["gemini-1.5-pro", FLASH, THIRD, "gemma-3-1b-it", "house-model"]))
def test_any_request_becomes_a_valid_body(request: Request, model: str) -> None:
    request = keep_realm(msgspec.structs.replace(request, model=model), "gemini", Losses())
    write(request)
    laws.check_write_keeps(gemini.write_request, request)
