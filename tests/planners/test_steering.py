"""Objects that are planned from a short prompt are found in the long one that the video is made from."""

import json
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ttom_pl.layout import Layout, LayoutError
from ttom_pl.planners import GrammarPlanner, plan_prompts, steer_in
from ttom_pl.prompts.prompt import Prompt
from ttom_pl.prompts.readers import read_any

PLANNER = GrammarPlanner()
THINGS = ("kettle", "trumpet", "walrus", "tractor", "lantern", "violin", "camel", "canoe", "pineapple", "helmet")
CLOSE = {
    "television": "tv", "sofa": "couch", "mug": "cup", "stallion": "horse", "puppy": "dog", "sedan": "car",
    "terrier": "dog", "bike": "bicycle", "fridge": "refrigerator", "plane": "airplane", "sparrow": "bird",
    "rocking chair": "chair", "woman": "person", "daisy": "flower",
}  # fmt: skip
FILLING = (
    "The light is soft and warm.", "In the background there are tall trees.", "Cinematic style, wide shot.",
    "A gentle breeze moves the grass.", "The mood is calm.",
)  # fmt: skip


def steered(layout: Layout) -> list[set[str]]:
    return [{word.lower() for word in track.words} for track in layout.tracks]


@settings(max_examples=60, deadline=None)
@given(
    st.permutations(THINGS).map(lambda things: things[:2]),
    st.sampled_from(["to the left of", "on", "in front of", "and"]),
    st.lists(st.sampled_from(FILLING), max_size=4),
    st.sampled_from(["sleek", "old, battered", "bright red", "shiny copper"]),
)
def test_every_mention_is_steered(things: list[str], relation: str, filling: list[str], look: str) -> None:
    """Twice each, in any order, whatever stands between."""
    first, second = things
    short = PLANNER.plan(f"a {first} {relation} a {second}")
    assume(len(short.tracks) == 2)
    long = " ".join(
        [
            f"A {look} {second} stands in a wide hall.",
            *filling,
            f"A small {first} is there, beside the {second}.",
            f"The {first} gleams.",
        ]
    )
    layout = steer_in(short, long)
    assert (layout.prompt, layout.original_prompt) == (long, short.prompt)
    assert [track.boxes for track in layout.tracks] == [track.boxes for track in short.tracks]
    assert [track.words for track in layout.tracks] == [(first, first), (second, second)]
    for track in layout.tracks:
        assert tuple(long[start:end] for start, end in track.spans) == track.words


@pytest.mark.parametrize(("there", "here"), CLOSE.items())
def test_a_close_word_names_the_same_object(there: str, here: str) -> None:
    layout = steer_in(PLANNER.plan(f"a {here} next to a barrel"), f"A shiny {there} stands there. A barrel is near it.")
    assert [words & {here, there.rsplit(maxsplit=1)[-1]} for words in steered(layout)] == [
        {there.rsplit(maxsplit=1)[-1]},
        set(),
    ]


@settings(max_examples=60, deadline=None)
@given(st.permutations(THINGS).map(lambda things: things[:3]))
def test_an_object_that_the_long_prompt_lost_is_named(things: list[str]) -> None:
    kept, lost, other = things
    with pytest.raises(LayoutError, match=f"does not mention the object 'a {lost}'"):
        steer_in(
            PLANNER.plan(f"a {kept} and a {lost}"), f"A lovely {kept} stands beside a {other}. The {other} is red."
        )


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("a cat next to a dog", "A cat stands next to a hot dog."),
        ("a car moves left", "A car park at night."),
        ("a dog and a bear", "A dog plays with a teddy bear."),
        ("a teddy bear", "A majestic bear fishes in a river."),
        ("a traffic light", "Soft natural light falls on a street."),
        ("a sports ball", "A medium shot of a meadow."),
        ("a toilet", "A cozy living room with plush furniture."),
        ("a bed", "Plush furniture stands in a room."),
        ("a bus", "A remote control device lies on a table."),
        ("a dog", "A person sits in a garden among people."),
        ("an orange", "A potted plant stands beside the water."),
        ("a cup", "A glass building towers over a street."),
    ],
)
def test_what_only_sounds_alike_is_no_mention(short: str, long: str) -> None:
    with pytest.raises(LayoutError, match="does not mention"):
        steer_in(PLANNER.plan(short), long)


def test_two_of_a_kind_are_told_apart() -> None:
    short = PLANNER.plan("a red car and a blue car")
    layout = steer_in(short, "A blue car with chrome rims stands beside a red car. The red car gleams.")
    assert [track.words for track in layout.tracks] == [("red", "car", "red", "car"), ("blue", "car")]


def test_what_could_mean_both_is_steered_for_neither() -> None:
    short = PLANNER.plan("a car on the left of a bus")
    layout = steer_in(short, "A car is parked on the left of a bus. The vehicle shines. Both vehicles are new.")
    assert steered(layout) == [{"car"}, {"bus"}]
    layout = steer_in(PLANNER.plan("a car on the left of a tree"), "A car is parked by a tree. The vehicle shines.")
    assert steered(layout) == [{"car", "vehicle"}, {"tree"}]


def test_counted_objects_stay_one() -> None:
    layout = steer_in(PLANNER.plan("three cats move left"), "Three fluffy cats run to the left. The cats are grey.")
    assert len({(track.phrase, track.words, track.spans) for track in layout.tracks}) == 1
    assert len(layout.tracks) == 3


def test_markup_of_the_long_prompt_moves_no_span() -> None:
    layout = steer_in(PLANNER.plan("a cat moves left"), "(masterpiece:1.2), a [fluffy] (cat:1.3) moves left")
    assert layout.tracks[0].words == ("cat",)


def test_prompts_become_layouts_in_one_way() -> None:
    """Planned, brought, steered and lost, each in its place."""
    short, long = "a cat moves left", "A fluffy cat creeps to the left. The cat is grey."
    brought = PLANNER.plan(short, "d")
    prompts = [
        Prompt("a", short),
        Prompt("b", short, long=long),
        Prompt("c", short, long="An empty room."),
        Prompt("d", short, brought, long=long),
    ]
    a, b, c, d = plan_prompts(PLANNER, prompts)
    assert isinstance(a, Layout)
    assert a.original_prompt == ""
    assert isinstance(c, LayoutError)
    assert isinstance(b, Layout)
    assert isinstance(d, Layout)
    assert b.prompt == d.prompt == long
    assert b.tracks == d.tracks


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.jsonl", '{"prompt": "a cat", "long": "A grey cat."}'),
        ("a.jsonl", '{"prompt": "a cat", "enriched_prompt": "A grey cat."}'),
        ("a.jsonl", '{"short": "a cat", "long": "A grey cat."}'),
        ("a.json", '{"animals": [{"short": "a cat", "long": "A grey cat."}]}'),
        ("a.json", '[{"prompt_en": "a cat", "long": "A grey cat."}]'),
        ("a.csv", "prompt,long\na cat,A grey cat."),
        ("a.tsv", "Short\tLong\na cat\tA grey cat."),
        ("a.csv", "prompt;enriched_prompt\na cat;A grey  cat."),
    ],
)
def test_records_that_carry_both(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    (prompt,) = read_any(tmp_path / name)
    assert (prompt.text, prompt.long) == ("a cat", "A grey cat.")


def test_a_pair_of_files(tmp_path: Path) -> None:
    short, long = tmp_path / "all_dimension.txt", tmp_path / "all_dimension_longer.txt"
    short.write_text("a cat\na dog\n")
    long.write_text("A grey cat.\nA brown dog.\n")
    assert [(prompt.text, prompt.long) for prompt in read_any(short, long)] == [
        ("a cat", "A grey cat."),
        ("a dog", "A brown dog."),
    ]
    long.write_text("A grey cat.\n")
    with pytest.raises(ValueError, match=r"holds 1 prompts and .* 2"):
        read_any(short, long)


def test_a_long_prompt_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"prompt": "a cat", "long": 3}))
    with pytest.raises(ValueError, match="line 1: field 'long' must be the text"):
        read_any(tmp_path / "a.jsonl")


def test_vbenchs_pairs(shared_data: Path) -> None:
    """Both objects of the short layout are steered in the long text."""
    path = shared_data / "vbench" / "given.json"
    if not path.is_file():
        pytest.skip(f"{path} is missing")
    prompts = read_any(path)
    layouts = [layout for layout in plan_prompts(PLANNER, prompts) if isinstance(layout, Layout)]
    assert len(layouts) >= 0.98 * len(prompts)
