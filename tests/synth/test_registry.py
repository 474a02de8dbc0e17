"""Where games are found in a process that our environment does not reach."""

import os
import subprocess
import sys

from tests.conftest import ROOT
from tests.synth.test_domains import LIGHTS

CODE = """
import sys
from synth import registry
assert "lights" not in registry.game_names() and not registry.more_folders()
for _ in range(2):
    registry.look_in(sys.argv[1:])
assert registry.more_folders() == sys.argv[1:]
print(registry.find_game("lights").name)
"""


def test_folders_with_games_can_be_handed_to_a_worker(tmp_path):
    (tmp_path / "lights.py").write_text(LIGHTS)
    env = {name: value for name, value in os.environ.items() if name != "SYNTH_GAMES"}
    command = [sys.executable, "-c", CODE]
    known = {"cwd": ROOT, "env": env, "capture_output": True, "text": True}
    done = subprocess.run([*command, str(tmp_path)], **known)
    assert done.stdout == "lights\n", done.stderr
    gone = subprocess.run([*command, str(tmp_path / "gone")], **known)
    assert f"SYNTH_GAMES names {tmp_path / 'gone'}, which is no folder" in gone.stderr
