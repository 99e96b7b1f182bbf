"""Prompts as people have them: copied from the web, from a PDF, typed on another keyboard or system.

However a prompt is typed, the same tokens are steered as in its plain form, and it is shown as it was typed.
"""

import html
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from diffusers.pipelines.wan.pipeline_wan import prompt_clean
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kinds import KINDS

from ttom_pl.backbones.pipeline import PipelineBackbone
from ttom_pl.layout import Layout, Track
from ttom_pl.layout.text import as_read, layout_as_read
from ttom_pl.planners import FilePlanner, GrammarPlanner, plan_prompts
from ttom_pl.prompts.layout_files import write_layouts
from ttom_pl.prompts.readers import read_any

PLANNER = GrammarPlanner()
LIGATURES = {"ffi": "\ufb03", "ffl": "\ufb04", "ff": "\ufb00", "fi": "\ufb01", "fl": "\ufb02", "st": "\ufb06"}
ADJECTIVES = ["red", "stiff", "fluffy", "baffling", "fine", "soufflé", "girl's"]
NOUNS = ["fish", "flamingo", "café", "piñata", "ostrich", "cat", "waffle", "tüte"]


def with_ligatures(text: str) -> str:
    for letters, ligature in LIGATURES.items():
        text = text.replace(letters, ligature)
    return text


def full_width(text: str) -> str:
    return "".join(chr(ord(each) + 0xFEE0) if each.isascii() and each.isalpha() else each for each in text)


def entities(text: str) -> str:
    return html.escape(text).encode("ascii", "xmlcharrefreplace").decode()


FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "ligatures": with_ligatures,
    "full width": full_width,
    "accents apart": lambda text: unicodedata.normalize("NFD", text),
    "curly apostrophes": lambda text: text.replace("'", "\u2019"),
    "no-break spaces": lambda text: text.replace(" ", "\u00a0"),
    "soft hyphens": "\u00ad".join,
    "zero-width": lambda text: "\ufeff" + text.replace(" ", " \u200b"),
    "entities": entities,
    "entities of entities": lambda text: html.escape(entities(text)),
}


@pytest.fixture(scope="module", params=["wan", "cogvideox-ddim"])
def backbone(request: pytest.FixtureRequest, folder_of: Callable[[str], Path]) -> PipelineBackbone:
    kind = KINDS[request.param]
    return kind.backbone(pretrained=str(folder_of(request.param)), **(kind.settings | {"max_sequence_length": 120}))


def tokens(backbone: PipelineBackbone, layout: Layout) -> list[list[int]]:
    return [backbone.token_positions(layout.prompt, track.words, track.spans) for track in layout.tracks]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_form_steers_the_same_tokens(
    backbone: PipelineBackbone, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    adjective, other = data.draw(st.permutations(ADJECTIVES))[:2]
    noun, second = data.draw(st.permutations(NOUNS))[:2]
    form = FORMS[data.draw(st.sampled_from(list(FORMS)))]
    plain = f"a {adjective} {noun} moves left and the {other} {second} moves right"
    path = tmp_path_factory.mktemp("typed") / "prompts.txt"
    path.write_text(f"{form(plain)}\n{plain}", encoding="utf-8")
    typed, usual = read_any(path)
    assert typed.text == " ".join(form(plain).removeprefix("\ufeff").split())
    one, same = plan_prompts(PLANNER, [typed, usual])
    assert isinstance(one, Layout)
    assert isinstance(same, Layout)
    assert tokens(backbone, one) == tokens(backbone, same)
    assert [track.boxes for track in one.tracks] == [track.boxes for track in same.tracks]
    assert (one.original_prompt or one.prompt) == typed.text


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_layout_that_was_typed_is_read_alike(
    backbone: PipelineBackbone, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """By hand, with spans in the text as it was typed: of two equal words the right one is steered."""
    noun = data.draw(st.sampled_from(NOUNS))
    form = FORMS[data.draw(st.sampled_from([name for name in FORMS if "zero" not in name]))]
    plain = f"a fine red {noun} moves left and a stiff {noun} moves up"
    typed, word = form(plain), form(noun)
    start = typed.rindex(word)
    track = Track(0, typed[start : start + len(word)], (word,), ((0.1, 0.1, 0.4, 0.4),), ((start, start + len(word)),))
    folder = tmp_path_factory.mktemp("typed")
    write_layouts(folder / "a.jsonl", [Layout(typed, (track,), "a")])
    (prompt,) = read_any(folder / "a.jsonl")
    assert prompt.text == typed
    (layout,) = plan_prompts(PLANNER, [prompt])
    assert isinstance(layout, Layout)
    assert layout.prompt == as_read(plain)
    last = backbone.token_positions(plain, [noun], [(plain.rindex(noun), plain.rindex(noun) + len(noun))])
    assert tokens(backbone, layout) == [last]
    looked_up = FilePlanner(folder / "a.jsonl").plan(typed, "a")
    assert looked_up.tracks == layout.tracks


@settings(max_examples=300, deadline=None)
@given(
    st.text(max_size=60) | st.lists(st.sampled_from([*"&;#x26amplt éñ’ﬁ½Ａ\u0301\u00ad<>"]), max_size=30).map("".join)
)
def test_nothing_is_left_for_the_pipeline_to_clean(text: str) -> None:
    """Neither for Wan's, nor for a second reading."""
    read = as_read(text)
    assert prompt_clean(read) == read
    assert as_read(read) == read


def test_plain_text_stays_as_it_is() -> None:
    prompt = "A girl's cat (red:1.2), 3 m tall, walks left; 猫在左边。"
    assert as_read(prompt) == prompt
    layout = PLANNER.plan("a cat moves left")
    assert layout_as_read(layout) is layout
