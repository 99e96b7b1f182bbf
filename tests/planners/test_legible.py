"""Prompts in other languages and with markup are recognised, not mangled."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttom_pl.layout import Layout
from ttom_pl.planners import FallbackPlanner, GrammarPlanner, Planner

PLANNER = GrammarPlanner()
OTHER_LANGUAGES = {
    "Chinese": ["一只猫在草地上向左跑", "一辆红色的汽车停在房子的左边,两只狗在旁边奔跑"],
    "Japanese": ["猫が左に走る", "赤い車が家の左に止まっています"],
    "Korean": ["고양이가 왼쪽으로 달린다"],
    "Cyrillic": ["Кошка бежит налево, а собака направо", "Красная машина стоит слева от дома"],
    "Arabic": ["القطة تركض إلى اليسار"],
    "Hindi": ["एक बिल्ली बाईं ओर दौड़ती है"],
    "Greek": ["Μια γάτα τρέχει προς τα αριστερά"],
    "Thai": ["แมววิ่งไปทางซ้าย"],
}
LATIN = [
    "un gato negro corre hacia la izquierda por la calle",
    "ein roter Hund läuft nach links durch den Park",
    "un chien brun court vers la gauche dans la rue",
    "um cachorro corre para a esquerda na praia",
    "un gatto nero corre verso sinistra sulla strada",
]
SENTENCES = [
    "a red cat walks to the left",
    "two dogs run to the right while a bird flies up",
    "a cup on the left of a bowl",
    "three green triangles move right",
]
TAGS = ["masterpiece", "4k", "best quality", "ultra detailed", "1girl", "solo", "blue eyes", "long hair", "smile"]
TAGS += ["outdoors", "cherry blossoms", "looking at viewer", "cinematic lighting", "8k uhd", "bokeh"]


@pytest.mark.parametrize(
    ("language", "prompt"), [(name, prompt) for name, prompts in OTHER_LANGUAGES.items() for prompt in prompts]
)
def test_other_scripts_are_named(language: str, prompt: str) -> None:
    layout = PLANNER.plan(prompt)
    assert layout.confidence == 0
    assert f"written in {language}" in layout.reason


@pytest.mark.parametrize("prompt", LATIN)
def test_other_languages_of_our_letters(prompt: str) -> None:
    layout = PLANNER.plan(prompt)
    assert layout.confidence == 0
    assert "known English" in layout.reason


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(TAGS), min_size=4, max_size=12, unique=True))
def test_lists_of_tags(tags: list[str]) -> None:
    layout = PLANNER.plan(", ".join(tags))
    assert layout.confidence == 0
    assert layout.reason


def weighted(data: st.DataObject, words: list[str]) -> str:
    """Put words into the markup of ComfyUI and its like."""
    marked = []
    for word in words:
        form = data.draw(st.sampled_from(["{}", "{}", "({}:1.3)", "(({}))", "[{}]", "({}: 0.8)", "**{}**", "{}++"]))
        marked.append(form.format(word))
    return " ".join(marked)


@settings(max_examples=150, deadline=None)
@given(st.data(), st.sampled_from(SENTENCES))
def test_markup_changes_no_layout(data: st.DataObject, sentence: str) -> None:
    """The boxes are those of the plain sentence, and the words are found where they stand in the marked one."""
    prompt = weighted(data, sentence.split()) + data.draw(st.sampled_from(["", " <lora:pixel:0.8>", " <lora:a b:1>"]))
    layout, plain = PLANNER.plan(prompt), PLANNER.plan(sentence)
    assert [track.boxes for track in layout.tracks] == [track.boxes for track in plain.tracks]
    assert [track.words for track in layout.tracks] == [track.words for track in plain.tracks]
    assert layout.confidence == plain.confidence
    for track in layout.tracks:
        assert tuple(prompt[start:end] for start, end in track.spans) == track.words


@pytest.mark.parametrize("sentence", SENTENCES)
def test_english_is_not_taken_for_another_language(sentence: str) -> None:
    for each in (sentence, sentence.upper(), f"{sentence}, with a sign that says 猫", f"{sentence} in São Paulo"):
        assert PLANNER.plan(each).confidence > 0, each


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=80))
def test_whatever_it_is_the_words_are_its_own(prompt: str) -> None:
    if not any(character.isalnum() for character in prompt):
        with pytest.raises(ValueError, match="no word"):
            PLANNER.plan(prompt)
        return
    layout = PLANNER.plan(prompt)
    for track in layout.tracks:
        assert tuple(prompt[start:end] for start, end in track.spans) == track.words


class Translator(Planner):
    """Takes any language."""

    def plan(self, prompt: str, id: str = "") -> Layout:
        return Layout(prompt, PLANNER.plan(prompt).tracks, id, planner="other")


@pytest.mark.parametrize("prompt", [*LATIN, *(each for prompts in OTHER_LANGUAGES.values() for each in prompts)])
def test_the_next_planner_of_a_chain_takes_over(prompt: str) -> None:
    layout = FallbackPlanner([PLANNER, Translator()], min_confidence=0.8).plan(prompt)
    assert layout.planner == "other"
    assert "GrammarPlanner is unsure (0)" in layout.reason
