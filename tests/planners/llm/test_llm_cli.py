"""The LLM planner from the command line and from YAML."""

from pathlib import Path

import pytest
import yaml
from chat_server import KEY, LAYOUT, PROMPT, Server, fails, says

from ttom_pl.cli import main
from ttom_pl.prompts.layout_files import read_layouts


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    path = tmp_path / "prompts.txt"
    path.write_text(f"{PROMPT}\na dog runs to the left\n")
    return path


def test_by_name(server: Server, tmp_path: Path, prompts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One answer fits, the other does not."""
    server.script = [lambda body: says(LAYOUT if PROMPT in str(body["messages"]) else "no")]
    options = [f"--planner.base_url={server.url}", "--planner.model=tiny", "--planner.num_keyframes=3"]
    main(["plan", str(prompts), "--out", str(tmp_path / "a.jsonl"), "--planner", "llm", *options])
    (layout,) = read_layouts(tmp_path / "a.jsonl")
    assert (layout.planner, layout.id) == ("llm:tiny", "0001")
    out = capsys.readouterr().out
    assert "2 prompts, 1 layouts (1 llm:tiny)" in out
    assert "1 failed:\n  0002  'a dog runs to the left': tiny gave no usable layout" in out
    assert KEY not in out


def test_chain_from_yaml(server: Server, tmp_path: Path, prompts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The section that ``ttom stream`` has below ``stream``."""
    server.script = [fails(401, f"{KEY} is not welcome")]
    llm = {"class_path": "ttom_pl.planners.LLMPlanner", "init_args": {"model": "tiny", "base_url": server.url}}
    chain = {"planners": [llm, {"class_path": "ttom_pl.planners.GrammarPlanner"}]}
    config = {"planner": {"class_path": "ttom_pl.planners.FallbackPlanner", "init_args": chain}}
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(config))
    main(["plan", "--config", str(tmp_path / "plan.yaml"), str(prompts), "--out", str(tmp_path / "a.jsonl")])
    layouts = list(read_layouts(tmp_path / "a.jsonl"))
    assert [layout.planner for layout in layouts] == ["grammar", "grammar"]
    assert all("LLMPlanner failed" in layout.reason for layout in layouts)
    assert KEY not in (tmp_path / "a.jsonl").read_text()
    assert "2 with a note:\n" in capsys.readouterr().out or layouts[0].confidence < 1


def test_key_is_in_no_config(server: Server, tmp_path: Path, prompts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["plan", str(prompts), "--out", "a.jsonl", "--planner=llm", "--planner.model=tiny", "--print_config"])
    printed = capsys.readouterr().out
    assert "api_key_env: OPENAI_API_KEY" in printed
    assert KEY not in printed
