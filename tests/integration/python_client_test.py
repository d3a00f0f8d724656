# SPDX-License-Identifier: Apache-2.0
"""The Python package as a wheel makes it, against real programs: submit, watch and
result; a wrong pin, a token that is over, and a server that comes back.

Ends with 77, which CTest takes for skipped, where a package of Debian's is missing.
"""

import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from harness import PROGRAMS, Pool, PoolTestCase, wait_for  # noqa: E402
from tls_test import Authority  # noqa: E402

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
SOURCES = REPOSITORY / "client" / "python"
NEEDED = {"grpc": "python3-grpcio", "google.protobuf": "python3-protobuf",
          "OpenSSL": "python3-openssl", "setuptools": "python3-setuptools",
          "numpy": "python3-numpy"}
OTHER_PIN = "sha256:" + 43 * "A"
SKIPPED = 77
DEBIANS_PYTHON = "/usr/bin/python3"  # which Debian's packages are for


def missing_packages():
    missing = []
    for module, package in NEEDED.items():
        try:
            importlib.import_module(module)
        except ImportError:
            missing.append(package)
    return missing


def build(folder):
    """What a wheel has in it; nothing is left beside the sources."""
    subprocess.run(
        [sys.executable, "setup.py", "-q", "egg_info", "--egg-base", folder, "build",
         "--build-base", folder / "build", "--build-lib", folder / "lib"],
        cwd=SOURCES, check=True, stdin=subprocess.DEVNULL, capture_output=True,
        timeout=120)
    return folder / "lib"


class ParsersTest(unittest.TestCase):
    def test_the_version_is_that_of_the_programs(self):
        said = subprocess.run([PROGRAMS / "archpool", "--version"],
                              capture_output=True, text=True, check=True,
                              timeout=60).stdout
        self.assertIn(archpool.__version__, said)

    def test_errors_of_the_command_keep_reason_and_sentence(self):
        from archpool._command import error_of
        error = error_of(3, "  a note (NOT_THIS)\narchpool: too little (so far): 3 "
                            "coins\nare left (BALANCE_TOO_LOW)\n  ask for more\n")
        self.assertEqual(error.reason, "BALANCE_TOO_LOW")
        self.assertEqual(error.sentence, "too little (so far): 3 coins\nare left; "
                                         "ask for more")
        self.assertEqual(error_of(1, "").reason, "COMMAND_FAILED")

    def test_mappings_become_yaml_that_means_the_same(self):
        import numpy
        from archpool._task_file import to_yaml
        self.assertEqual(
            to_yaml({"a": [1, 0.00001, 2.0, True, "x: \"y\"", "10"],
                     "b": {"p": pathlib.Path("d/x.npz"), "n": numpy.int64(3)}}),
            '{"a": [1, 0.00001, 2.0, true, "x: \\"y\\"", "10"], '
            '"b": {"p": "d/x.npz", "n": 3}}')
        for bad in (None, float("nan"), {1: 2}, b"x"):
            with self.assertRaises(archpool.ArchpoolError) as refused:
                to_yaml({"key": bad})
            self.assertIn("key", refused.exception.sentence)

    def test_pins_and_addresses_are_read_as_the_programs_do(self):
        from archpool._access import Address, Pin
        self.assertEqual(str(Pin.parse(OTHER_PIN)), OTHER_PIN)
        self.assertEqual(Pin.parse("sha256:" + 64 * "0"), Pin.parse(OTHER_PIN))
        # The last one decodes to the same bytes as OTHER_PIN.
        for bad in ("", "sha256:", 43 * "A", OTHER_PIN + "A", OTHER_PIN[:-1] + "B"):
            with self.assertRaises(archpool.ArchpoolError) as refused:
                Pin.parse(bad)
            self.assertEqual(refused.exception.reason, "PIN_MALFORMED", bad)
        self.assertEqual(str(Address.parse(" [::1]:7070 ")), "[::1]:7070")
        self.assertTrue(Address.parse("127.1.2.3:7").is_here())
        self.assertFalse(Address.parse("pool.example.org:7").is_here())
        for bad in ("", "host", "host:0", "host:70000", "::1:7070", "[1:2]:3"):
            with self.assertRaises(archpool.ArchpoolError) as refused:
                Address.parse(bad)
            self.assertEqual(refused.exception.reason, "ADDRESS_MALFORMED", bad)

    def test_arrays_are_saved_whole(self):
        import numpy
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "digits.npz"
            section = archpool.dataset.from_numpy(
                numpy.zeros((50, 8, 8), numpy.uint8), [0, 1] * 25, path=path)
            self.assertEqual(section, {"arrays": str(path), "validation_count": 5,
                                       "held_out_count": 5})
            self.assertEqual(sorted(numpy.load(path).files), ["x_train", "y_train"])
            for images, labels in (([[1]], [1, 2]), ([None], [1]), (3, 4)):
                with self.assertRaises(archpool.ArchpoolError) as refused:
                    archpool.dataset.from_numpy(images, labels, path=path)
                self.assertEqual(refused.exception.reason, "ARRAY_MALFORMED")
            self.assertEqual(os.listdir(folder), ["digits.npz"])

    def test_a_result_without_a_model_says_what_to_do(self):
        with tempfile.TemporaryDirectory() as folder:
            with self.assertRaises(archpool.ArchpoolError) as refused:
                archpool.as_torch_module(folder)
            self.assertEqual(refused.exception.reason, "MODEL_FILE_MISSING")
            model = pathlib.Path(folder) / "model.py"
            model.write_text("def load(path=__file__):\n    return ['of', path]\n")
            self.assertEqual(archpool.as_torch_module(folder), ["of", str(model)])
            model.write_text("import no_such_module\n")
            with self.assertRaises(archpool.ArchpoolError) as refused:
                archpool.as_torch_module(folder)
            self.assertEqual(refused.exception.reason, "TORCH_MISSING")


class ClientTest(PoolTestCase):
    def setUp(self):
        super().setUp()
        self.pool.add_client()

    def connect(self, **settings):
        settings = {"token_file": self.pool.token_file("client"),
                    "program": PROGRAMS / "archpool", "patience_s": 30.0, **settings}
        pool = archpool.Pool.connect(f"127.0.0.1:{self.pool.port}", **settings)
        self.addCleanup(pool.close)
        return pool

    def assert_refused(self, reason, call, *arguments, **settings):
        with self.assertRaises(archpool.ArchpoolError) as refused:
            call(*arguments, **settings)
        self.assertEqual(refused.exception.reason, reason, refused.exception)
        return refused.exception

    def mapping(self, trials=4):
        """A task of NumPy arrays, as a person writes it in Python."""
        import numpy
        numbers = numpy.random.default_rng(1)
        dataset = archpool.dataset.from_numpy(
            numbers.integers(0, 256, (200, 8, 8), numpy.uint8),
            numbers.integers(0, 4, 200), path=self.pool.directory / "arrays.npz",
            validation_count=40, held_out_count=40)
        return {
            "name": "from Python", "dataset": dataset,
            "space": {
                "dimensions": [{"name": "kernel", "choices": [3, 5]},
                               {"name": "width", "choices": [4, 8, 12, 16]}],
                "template": {
                    "kind": "chain",
                    "stem": {"width": 4, "kernel": 3, "stride": 1,
                             "activation": "relu"},
                    "stages": [{"stride": 2, "blocks": [
                        {"operation": "conv", "kernel": "$kernel",
                         "width": "$width"}]}]}},
            "recipe": {"epochs": 1, "batch_size": 32, "weight_decay": 0.00001},
            "budget": {"core_seconds": 1000, "trials": trials, "time_limit": "10m"},
            "reward": {"amount": 100},
            "partition": {"subspaces": 4, "trials_per_lease": 2}}

    def test_from_arrays_to_a_result(self):
        pool = self.connect()
        self.assertEqual(pool.account, "client")
        self.assertEqual(pool.server_version, archpool.__version__)
        mapping = self.mapping()
        folder = self.pool.directory
        self.assertEqual(pool.check(mapping, folder=folder)["space_size"], 8)
        task = pool.submit(mapping, folder=folder)
        self.assertTrue(task.is_new)
        again = pool.submit(mapping, folder=folder)
        self.assertEqual((again.task_id, again.is_new), (task.task_id, False))
        self.assertEqual([one.task_id for one in pool.tasks()], [task.task_id])
        self.assertFalse(list(folder.glob(".archpool-task-*")))
        self.assert_refused("NO_RESULT", task.result, folder / "early")
        self.pool.add_verifier()
        self.pool.add_worker("alice")
        seen = list(task.watch())
        self.assertEqual(seen[-1].state, "succeeded")
        self.assertGreater(len(seen), 1)
        trials = task.trials()
        accepted = [trial for trial in trials if trial.state == "accepted"]
        self.assertEqual(len(accepted), seen[-1].trials_accepted)
        self.assertIn(seen[-1].best.trial_id, [trial.trial_id for trial in accepted])
        shown = self.pool.trials(task.task_id)
        self.assertEqual([one.verified_accuracy for one in trials],
                         [one["verified_accuracy"] for one in shown])
        self.assertEqual([one.description for one in trials],
                         [one["description"] for one in shown])
        result = task.result(folder / "result")
        self.assertTrue(result.weights.is_file())
        self.assertIn("layers", result.architecture)
        self.assertEqual(result.summary["task_id"], task.task_id)
        self.assertEqual(task.cancel(), "succeeded")

    def test_what_is_wrong_comes_with_its_reason(self):
        pool = self.connect()
        self.assert_refused("TASK_UNKNOWN", pool.task(999).status)
        mapping = self.mapping()
        mapping["reward"] = {"amount": 1_000_000}
        error = self.assert_refused("BALANCE_TOO_LOW", pool.submit, mapping,
                                    folder=self.pool.directory)
        self.assertIn("nothing was sent", error.sentence)
        mapping["recipe"]["epochz"] = 1
        error = self.assert_refused("TASK_FILE_INVALID", pool.submit, mapping,
                                    folder=self.pool.directory)
        self.assertIn("epochz", error.sentence)
        self.assert_refused("PROGRAM_MISSING", self.connect(
            program="/no/such/archpool").submit, mapping)

    def test_another_server_is_sent_nothing(self):
        error = self.assert_refused("SERVER_PIN_MISMATCH", self.connect,
                                    server_pin=OTHER_PIN, patience_s=600)
        for word in (OTHER_PIN, self.pool.pin()):
            self.assertIn(word, error.sentence)
        bare = self.pool.directory / "bare.token"
        bare.write_text(self.pool.token_file("client").read_text().split()[0])
        self.assert_refused("SERVER_PIN_UNSET", self.connect, token_file=bare)
        self.assert_refused("SERVER_UNREACHABLE", self.connect, token_file=bare,
                            server_pin="system", patience_s=0)
        self.assert_refused("TOKEN_FILE_MISSING", self.connect,
                            token_file=self.pool.directory / "none")

    def test_a_pool_with_another_pin_is_no_answer(self):
        pool = self.connect(patience_s=3)
        self.pool.stop("server")
        generation = self.pool.directory / "server" / "tls" / "generation"
        generation.write_text("2\n")
        self.pool.start_server()
        error = self.assert_refused("SERVER_PIN_MISMATCH", list, pool.tasks())
        self.assertIn(self.pool.pin(), error.sentence)

    def test_a_token_that_is_over_is_said_and_read_again(self):
        made = self.pool.token_file("client-py")
        self.pool.command("client", "account", "token", "create", "--name", "py",
                          "--scope", "read", "--token-out", made)
        pool = self.connect(token_file=made)
        self.assertEqual(list(pool.tasks()), [])
        self.assert_refused("SCOPE_NOT_ALLOWED", pool.submit, self.mapping(),
                            folder=self.pool.directory)
        self.pool.command("client", "account", "token", "revoke", "py")
        error = self.assert_refused("TOKEN_REVOKED", list, pool.tasks())
        self.assertEqual(error.code, "UNAUTHENTICATED")
        made.write_text(self.pool.token_file("client").read_text())
        self.assertEqual(list(pool.tasks()), [])

    def test_a_watch_outlives_its_server(self):
        pool = self.connect(patience_s=60)
        task = pool.submit(self.pool.write_task(trials=6))
        seen, ended = [], []

        def watch():
            for status in task.watch():
                seen.append(status)
            ended.append(task.status().state)

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        wait_for("the first status", lambda: seen)
        self.pool.kill("server")
        waiting = threading.Thread(target=lambda: ended.append(
            pool.task(task.task_id).status().state), daemon=True)
        waiting.start()
        self.pool.start_server()
        waiting.join(60)
        self.assertEqual(ended, ["active"])
        self.pool.add_verifier()
        self.pool.add_worker("alice")
        wait_for("the watch's end", lambda: len(ended) == 2, 240)
        watcher.join(60)
        self.assertEqual(ended[1], "succeeded")
        self.assertEqual(seen[-1].state, "succeeded")


class PlaintextTest(PoolTestCase):
    server_flags = ("--plaintext",)

    def test_plain_text_is_asked_for(self):
        self.pool.add_client()
        address = f"127.0.0.1:{self.pool.port}"
        token_file = self.pool.token_file("client")
        with archpool.Pool.connect(address, token_file, plaintext=True) as pool:
            self.assertEqual(pool.account, "client")
        with self.assertRaises(archpool.ArchpoolError) as refused:
            archpool.Pool.connect(address, token_file, server_pin=OTHER_PIN,
                                  patience_s=0)
        self.assertEqual(refused.exception.reason, "SERVER_SPEAKS_PLAINTEXT")
        with self.assertRaises(archpool.ArchpoolError) as refused:
            archpool.Pool.connect("pool.example.org:7070", token_file, plaintext=True)
        self.assertEqual(refused.exception.reason, "PLAINTEXT_PUBLIC")


class OwnCertificateTest(unittest.TestCase):
    def test_a_pin_means_what_it_means_to_the_programs(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="archpool-own-"))
        self.addCleanup(shutil.rmtree, folder)
        certificate, key = Authority(folder).issue("server")
        chain = folder / "chain.pem"
        chain.write_bytes(certificate.read_bytes() +
                          (folder / "ca.pem").read_bytes())
        pool = Pool("--tls-certificate", chain, "--tls-key", key)
        self.addCleanup(pool.close)
        from archpool._access import Address
        from archpool._tls import fetch_chain, pin_of
        own, authority = map(pin_of, fetch_chain(
            Address.parse(f"127.0.0.1:{pool.port}")))
        # Nobody else has its key; the authority vouches for others as well.
        for host, pin in (("127.0.0.1", own), ("localhost", own),
                          ("127.0.0.1", authority)):
            with archpool.Pool.connect(f"{host}:{pool.port}",
                                       pool.token_file("operator"),
                                       server_pin=str(pin)) as connected:
                self.assertEqual(connected.account, "operator")
        with self.assertRaises(archpool.ArchpoolError) as refused:
            archpool.Pool.connect(f"localhost:{pool.port}",
                                  pool.token_file("operator"),
                                  server_pin=str(authority), patience_s=0)
        self.assertIn("localhost is not in", refused.exception.sentence)


class PackageTest(unittest.TestCase):
    def test_a_wheel_has_all_that_was_built(self):
        tools = ["pip", "wheel"]
        if any(importlib.util.find_spec(tool) is None for tool in tools):
            print("pip or wheel is not installed: no wheel is made")
            return
        with tempfile.TemporaryDirectory() as scratch:
            # Beside copies, because pip builds where the sources are.
            copy = pathlib.Path(scratch)
            shutil.copytree(SOURCES, copy / "client" / "python")
            shutil.copytree(REPOSITORY / "proto", copy / "proto")
            shutil.copy(REPOSITORY / "CMakeLists.txt", copy)
            subprocess.run(
                [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-index",
                 "--no-build-isolation", "-q", "-w", copy, copy / "client" / "python"],
                check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=240)
            wheel, = copy.glob("*.whl")
            self.assertIn(f"archpool-{archpool.__version__}-", wheel.name)
            packed = {name for name in zipfile.ZipFile(wheel).namelist()
                      if name.startswith("archpool/")}
        built = {str(path.relative_to(LIBRARY)) for path in LIBRARY.rglob("*.py*")
                 if "__pycache__" not in path.parts} | {"archpool/py.typed"}
        self.assertEqual(packed, built)
        # One for each proto: a message that is not made would be missed late.
        protos = {path.stem for path in (REPOSITORY / "proto/archpool/v1").glob(
            "*.proto")}
        self.assertEqual({pathlib.Path(name).name.removesuffix("_pb2.py")
                          for name in packed if name.endswith("_pb2.py")}, protos)

    def test_the_example_goes_from_arrays_to_a_network(self):
        with tempfile.TemporaryDirectory(prefix="archpool-example-") as scratch:
            ran = subprocess.run(
                [sys.executable, REPOSITORY / "deploy/examples/numpy_to_torch.py"],
                cwd=scratch, capture_output=True, text=True, timeout=540,
                env={**os.environ, "PYTHONPATH": str(LIBRARY),
                     "PATH": f"{PROGRAMS.resolve()}:{os.environ['PATH']}"})
            self.assertTrue((pathlib.Path(scratch) /
                             "numpy-to-torch/result/model.py").is_file(), ran.stderr)
        if importlib.util.find_spec("torch") is None:
            self.assertIn("TORCH_MISSING", ran.stderr)
        else:
            self.assertEqual(ran.returncode, 0, ran.stderr)
            right = int(ran.stdout.split()[-4])
            self.assertGreater(right, 80, ran.stdout)  # of 100; guessing has 33


class TypesTest(unittest.TestCase):
    def test_types_are_whole_where_mypy_is_installed(self):
        tried = subprocess.run([sys.executable, "-m", "mypy", "--version"],
                               capture_output=True)
        if tried.returncode != 0:
            print("mypy is not installed: types are not checked")
            return
        with tempfile.TemporaryDirectory() as cache:
            checked = subprocess.run(
                [sys.executable, "-m", "mypy", "--strict", "--config-file",
                 SOURCES / "pyproject.toml", "--cache-dir", cache, "-p", "archpool"],
                cwd=LIBRARY, capture_output=True, text=True, timeout=300)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)


if __name__ == "__main__":
    MISSING = missing_packages()
    if MISSING and os.path.exists(DEBIANS_PYTHON) and not os.environ.get("ARCHPOOL_DEBIANS_PYTHON"):
        os.environ["ARCHPOOL_DEBIANS_PYTHON"] = "1"
        os.execv(DEBIANS_PYTHON, [DEBIANS_PYTHON, *sys.argv])
    if MISSING:
        print("skipped: install", *MISSING)
        sys.exit(SKIPPED)
    with tempfile.TemporaryDirectory(prefix="archpool-python-") as scratch:
        LIBRARY = build(pathlib.Path(scratch))
        sys.path.insert(0, str(LIBRARY))
        import archpool
        unittest.main(exit=True)
