# SPDX-License-Identifier: Apache-2.0
"""`archpool task init` at a terminal, for each family and kind of data; what it
writes is checked, held against the schema, and searched. What the schema refuses,
the program refuses too."""

import json
import os
import pathlib
import pty
import select
import shutil
import struct
import subprocess
import tempfile
import unittest
import zipfile

try:
    import jsonschema
    import yaml
except ImportError:
    jsonschema = None

from harness import PROGRAMS, TASK_YAML, WAIT_S, write_idx_files
from pictures_test import npy, png
from search_test import TASK_YAML as SEARCH_YAML

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
ARCHPOOL = str(PROGRAMS.resolve() / "archpool")
COUNT = 400
FAMILIES = ("mobile", "residual", "cell", "tiny")
DATA = ("beasts", "a.npz", "x.npy", "train-images.gz")
# Each breaks a good task: the schema and the program refuse it.
BROKEN = (
    ("reward", None), ("dataset", None), ("surprise", 1), ("name", ""),
    ("budget", {"core_seconds": 0}), ("budget", {"trials": 3}),
    ("budget", {"core_seconds": 5, "time_limit": "1:30"}),
    ("budget", {"core_seconds": 5, "trials": 0}),
    ("recipe", {"epochs": 0}), ("recipe", {"epochs": 1.5}),
    ("recipe", {"batch_size": 8}), ("recipe", {"horizontal_flip": "yes"}),
    ("recipe", {"learning_rate": 11}), ("recipe", {"further_epochs": 2}),
    ("recipe", {"epoch": 2}), ("limits", {"macs": 0}),
    ("reward", {"amount": -1}), ("reward", {"amount": 1, "finders_bonus": 0.6}),
    ("search", {"halved_macs": 2}), ("partition", {"subspaces": 0}),
    ("dataset", {"format": "png"}), ("space", {"dimensions": []}),
)


def talk(directory, words, answers):
    """Runs the command at a terminal of its own; answers each of its questions."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(directory)
        os.execv(ARCHPOOL, [ARCHPOOL, *words])
    said, answers = b"", list(answers)
    while select.select([terminal], [], [], WAIT_S)[0]:
        try:
            heard = os.read(terminal, 4096)
        except OSError:  # the other end is closed
            break
        if not heard:
            break
        said += heard
        if answers and said.endswith(b": "):
            os.write(terminal, answers.pop(0).encode())
            said += b"\n"
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said.decode()


def as_data(text):
    """YAML as version 1.2 reads what task files hold."""
    return yaml.safe_load(text)


class InitCase(unittest.TestCase):
    """Data of every kind, and the command."""

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="archpool-init-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        write_idx_files(self.directory, count=COUNT)
        for label, name in enumerate(("ant", "bee", "cat", "dog")):
            folder = self.directory / "beasts" / name
            folder.mkdir(parents=True)
            for i in range(60):
                (folder / f"{i}.png").write_bytes(png(40 * label, i))
        pixels = npy("|u1", f"({COUNT}, 8, 8, 3)",
                     bytes(i * 7 % 256 for i in range(COUNT * 8 * 8 * 3)))
        labels = npy("<i8", f"({COUNT},)",
                     struct.pack(f"<{COUNT}q", *(i % 4 for i in range(COUNT))))
        with zipfile.ZipFile(self.directory / "a.npz", "w") as file:
            file.writestr("x_train.npy", pixels)
            file.writestr("y_train.npy", labels)
        (self.directory / "x.npy").write_bytes(pixels)
        (self.directory / "y.npy").write_bytes(labels)

    def run_archpool(self, *words):
        return subprocess.run([ARCHPOOL, *words], cwd=self.directory, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=WAIT_S, check=False)

    def check(self, file):
        checked = self.run_archpool("--json", "task", "check", file)
        self.assertEqual(checked.returncode, 0, checked.stderr)
        return json.loads(checked.stdout)

    def files(self):
        return sorted(path.name for path in self.directory.iterdir())


class TaskInitTest(InitCase):
    def test_four_answers_make_a_task_of_any_family_and_data(self):
        for family in FAMILIES:
            for data in DATA:
                with self.subTest(family=family, data=data):
                    file = f"{family}-{data}.yaml"
                    code, said = talk(
                        self.directory, ["task", "init", file],
                        [f"{data}\n", "fast\n", "12\n", f"{family}\n"])
                    self.assertEqual(code, 0, said)
                    facts = self.check(file)
                    self.assertGreaterEqual(facts["space_size"], 1000)
                    self.assertEqual(len(facts["classes"]), 4)
                    text = (self.directory / file).read_text()
                    self.assertIn("trials: 12", text)

    def test_a_wrong_answer_is_asked_for_again(self):
        code, said = talk(
            self.directory, ["task", "init"],
            ["nowhere\n", "a.npz\n", "speed\n", "macs 500000\n", "soon\n", "30m\n",
             "big\n", "cell\n"])
        self.assertEqual(code, 0, said)
        for words in ("there is no file or folder 'nowhere'", "answer accuracy",
                      "answer with a number", "answer one of mobile"):
            self.assertIn(words, said)
        text = (self.directory / "task.yaml").read_text()
        self.assertIn("macs: 500000", text)
        self.assertIn("time_limit: 30m", text)
        self.check("task.yaml")

    def test_whatever_ends_the_questions_leaves_nothing(self):
        before = self.files()
        for end, code in (("\x03", 130), ("\x04", 2)):
            for answers in ([], ["a.npz\n"], ["a.npz\n", "small\n", "5\n"]):
                got, said = talk(self.directory, ["task", "init"], answers + [end])
                self.assertEqual(got, code, said)
                self.assertEqual(self.files(), before)

    def test_without_a_terminal_what_is_missing_is_named(self):
        before = self.files()
        done = self.run_archpool("task", "init", "--data", "beasts", "--trials", "4")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--goal", done.stderr)
        self.assertIn("--family", done.stderr)
        self.assertNotIn("--trials", done.stderr)
        self.assertEqual(self.files(), before)

    def test_no_file_is_replaced(self):
        flags = ("--data", "beasts", "--goal", "small", "--trials", "4",
                 "--family", "tiny")
        (self.directory / "task.yaml").write_text("mine")
        (self.directory / "link.yaml").symlink_to("nowhere")
        for file in ("task.yaml", "link.yaml"):
            done = self.run_archpool("task", "init", file, *flags)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("is left as it is", done.stderr)
        self.assertEqual((self.directory / "task.yaml").read_text(), "mine")
        self.assertNotIn("nowhere", self.files())
        # A name that no task file takes as it is.
        strange = self.directory / "it\u2019s: #1"
        (self.directory / "beasts").rename(strange)
        done = self.run_archpool("task", "init", "new.yaml", "--data", strange.name,
                                 *flags[2:])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.check("new.yaml")

    def test_what_is_written_can_be_searched(self):
        done = self.run_archpool("task", "init", "tiny.yaml", "--data", "beasts",
                                 "--goal", "small", "--trials", "3", "--family",
                                 "tiny")
        self.assertEqual(done.returncode, 0, done.stderr)
        found = subprocess.run(
            [ARCHPOOL, "--json", "search", "tiny.yaml"], cwd=self.directory,
            text=True, stdin=subprocess.DEVNULL, capture_output=True,
            timeout=4 * WAIT_S, check=False)
        self.assertEqual(found.returncode, 0, found.stderr)
        self.assertGreaterEqual(json.loads(found.stdout)["trials_accepted"], 1)


class SchemaTest(InitCase):
    def setUp(self):
        super().setUp()
        if jsonschema is None:
            raise unittest.SkipTest("needs python3-jsonschema and python3-yaml")
        printed = self.run_archpool("task", "schema")
        self.assertEqual(printed.returncode, 0, printed.stderr)
        self.assertEqual(printed.stdout,
                         (ROOT / "deploy" / "task.schema.json").read_text())
        self.validator = jsonschema.Draft202012Validator(json.loads(printed.stdout))

    def assert_valid(self, text):
        errors = [error.message for error in self.validator.iter_errors(as_data(text))]
        self.assertEqual(errors, [])

    def good_task(self):
        return TASK_YAML.format(trials=4, reward=10, time_limit="10m", widths="4, 8",
                                subspaces=2, further_epochs="[1]")

    def test_examples_and_samples_are_valid(self):
        for path in sorted((ROOT / "deploy" / "examples").glob("*.yaml")) + [
                ROOT / "tests" / "e2e" / "small.yaml"]:
            with self.subTest(path=path.name):
                self.assert_valid(path.read_text())
        self.assert_valid(SEARCH_YAML)
        self.assert_valid(self.good_task())
        for family in FAMILIES:
            file = f"{family}.yaml"
            done = self.run_archpool(
                "task", "init", file, "--data", "beasts", "--goal", "fast",
                "--time", "5m", "--family", family)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assert_valid((self.directory / file).read_text())

    def test_what_the_schema_refuses_the_program_refuses(self):
        task = self.directory / "task.json"  # which is YAML too
        good = as_data(self.good_task())
        task.write_text(json.dumps(good, indent=1))
        self.assertTrue(self.validator.is_valid(good))
        self.check("task.json")
        for key, value in BROKEN:
            with self.subTest(key=key, value=value):
                broken = {k: v for k, v in good.items() if k != key}
                if value is not None:
                    broken[key] = value
                self.assertFalse(self.validator.is_valid(broken))
                task.write_text(json.dumps(broken, indent=1))
                self.assertEqual(
                    self.run_archpool("task", "check", "task.json").returncode, 2)


if __name__ == "__main__":
    unittest.main()
