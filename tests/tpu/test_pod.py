"""tpu.pod against a stand-in that records gcloud's calls and runs what they ask of workers."""

import json
import os
import shlex
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

CREATE = ("--accelerator-type", "v5litepod-16", "--spot", "--yes")
AWKWARD = ["--note=it's 5 \"o'clock\" $HOME", "two words", "", "*", "--workdir", "gs://b/a run"]
BOUND = ["--zone=us-west4-a", "--project=my project"]


def job(bucket, *words: str) -> list[str]:
    return ["--bucket", str(bucket), "--", "job", *words]


def test_from_nothing_to_a_finished_job_and_away_again(pod, tmp_path):
    bucket = tmp_path / "a bucket"
    assert "my-pod is ACTIVE" in pod.do("create", *CREATE)
    assert pod.calls()[1] == [
        *("compute", "tpus", "queued-resources", "create", "my-pod", "--node-id=my-pod"),
        *("--accelerator-type=v5litepod-16", "--runtime-version=v2-alpha-tpuv5-lite", "--spot"),
        *BOUND,
    ]
    (pod.project / "not committed").write_text("")
    assert "not committed does not go along" in pod.do("setup")
    for worker in pod.workers:
        assert (worker / "c2l-jax/src/tpu/pod.py").exists()
        assert not (worker / "c2l-jax/src/not committed").exists()
        asked = (worker / "python3-calls").read_text().splitlines()
        assert asked[-1].endswith(f"--editable {worker}/c2l-jax/src[tpu]")
    told = pod.do("launch", *job(bucket, *AWKWARD))
    assert "tensorboard --logdir 'gs://b/a run'" in told.splitlines()
    assert "the job is done" in pod.do("watch", "--poll", "0.1")
    for worker in pod.workers:
        assert json.loads((worker / "job.json").read_text()) == AWKWARD
    (log,) = (bucket / "logs/my-pod").iterdir()  # both workers have this machine's name
    assert "finished, exit code 0" in log.read_text()
    pod.do("delete", "--yes")
    verbs = ["list", "create", "list", "scp", "ssh", "ssh", "list", "ssh", "list", "delete"]
    assert pod.verbs() == verbs
    assert all(call[-2:] == BOUND for call in pod.calls())


def test_what_was_done_is_not_done_again(pod, tmp_path):
    for _ in range(2):
        pod.do("create", *CREATE)
        pod.do("setup")
        pod.do("launch", *job(tmp_path / "bucket"))
        pod.do("watch", "--poll", "0.1")
    for _ in range(2):
        pod.do("delete", "--yes")
    assert pod.verbs().count("create") == pod.verbs().count("delete") == 1


def test_a_running_job_is_left_alone_and_stops_when_asked(pod, tmp_path):
    pod.do("create", *CREATE)
    pod.do("setup")
    (pod.project / "job.py").write_text("")  # not committed: what runs is the commit's
    forever = ["--bucket", str(tmp_path / "bucket"), "--", "http.server", "0"]
    pod.do("launch", *forever)
    assert pod.do("launch", *forever).count("already: stop it") == 2
    assert pod.do("stop").count("has stopped") == 2
    assert pod.do("stop").count("nothing runs") == 2


@pytest.mark.parametrize(
    "action, fails, step",
    [
        ("create", "queued-resources create", "create failed with exit code 1"),
        ("create", "queued-resources list", "exit code 1 (see above) of gcloud"),
        ("setup", "scp", "setup: copying the commit failed with exit code 1"),
        ("setup", "setup_worker", "setup: installing failed with exit code 1"),
        ("launch", "supervise start", "launch failed with exit code 1"),
        ("delete", "queued-resources delete", "delete failed with exit code 1"),
    ],
)
def test_a_step_that_fails_is_named_and_the_last(pod, tmp_path, action, fails, step):
    (pod.folder / "state").write_text("" if action == "create" else "ACTIVE\n")
    pod.reply(fails, "ERROR: (gcloud) quota\n", 1)
    told = pod.do(action, *CREATE, *job(tmp_path), code=2)
    assert told.splitlines()[-1].startswith(f"error: {step}") and "ERROR: (gcloud) quota" in told
    assert fails in " ".join(pod.calls()[-1])


def test_a_dry_run_prints_the_very_commands_and_runs_none(pod, tmp_path):
    actions = ("create", "setup", "launch", "watch", "delete")
    words = (*CREATE, "--poll", "0.1", "--dry-run", *job(tmp_path / "bucket", *AWKWARD))
    printed = [line for action in actions for line in pod.do(action, *words).splitlines()]
    assert not (pod.folder / "calls").exists() and not list(pod.folder.glob("*.tar.gz"))
    for action in actions:
        pod.do(action, *(word for word in words if word != "--dry-run"))
    commands = [shlex.split(line)[1:] for line in printed if line.startswith("gcloud ")]
    (tree,) = pod.folder.glob("c2l-jax-*.tar.gz")
    unknown = tree.name.removeprefix("c2l-jax-").removesuffix(".tar.gz")
    played = [[word.replace(unknown, "COMMIT") for word in call] for call in pod.calls()]
    assert commands == played


def test_nothing_is_bought_or_destroyed_without_a_yes(pod):
    assert "not confirmed" in pod.do("create", *CREATE[:-1], code=2)
    (pod.folder / "state").write_text("ACTIVE\n")
    assert "not confirmed" in pod.do("delete", code=2)
    assert pod.verbs() == ["list", "list"]


def test_it_waits_in_the_queue(pod):
    (pod.folder / "state").write_text("WAITING_FOR_RESOURCES\n" * 3 + "PROVISIONING\nACTIVE\n")
    told = pod.do("create", *CREATE, "--poll", "0.01")
    assert told.count("is WAITING_FOR_RESOURCES; waiting") == 1
    (pod.folder / "state").write_text("PROVISIONING\nFAILED\n")
    assert "FAILED, and will not come" in pod.do("create", *CREATE, "--poll", "0.01", code=2)


def test_a_preempted_pod_is_made_anew_if_that_was_asked_for(pod, tmp_path):
    flags = (*CREATE, "--poll", "0.1", *job(tmp_path / "bucket"))
    (pod.folder / "state").write_text("SUSPENDED\n")
    assert "the job was interrupted" in pod.do("watch", *flags, code=2)
    told = pod.do("watch", "--restart", *flags)
    assert "the job is done" in told
    again = ["list", "delete", "list", "create", "list", "scp", "ssh", "ssh", "list", "ssh"]
    assert pod.verbs() == ["list", "list", *again]


def test_a_job_whose_machine_went_down_is_launched_again(pod, tmp_path):
    flags = (*CREATE, "--poll", "0.1", *job(tmp_path / "bucket"))
    for action in ("create", "setup", "launch"):
        pod.do(action, *flags)
    pod.reply("supervise follow", "", 75)
    assert "the job was interrupted" in pod.do("watch", *flags, code=2)
    pod.reply("supervise follow", "", 75)
    pod.reply("supervise follow", "", 255)  # a lost connection is nothing to act on
    assert "the job is done" in pod.do("watch", "--restart", *flags)
    assert pod.verbs()[-6:] == ["list", "ssh", "ssh", "list", "ssh", "list", "ssh"][-6:]


def test_a_job_with_bad_settings_ends_the_watch(pod, tmp_path):
    for worker in pod.workers:
        (worker / "code").write_text("2")
    for action in ("create", "setup", "launch"):
        pod.do(action, *CREATE, *job(tmp_path / "bucket"))
    told = pod.do("watch", "--restart", "--yes", "--poll", "0.1", code=2)
    assert "error: the job refused its settings" in told and "refused, exit code 2" in told


METADATA = {"agent-worker-number": "0", "worker-network-endpoints": "10.0.0.0,10.0.0.1"}


class Metadata(BaseHTTPRequestHandler):
    """What Cloud TPU's metadata server tells worker 0 of two."""

    def do_GET(self):
        assert self.headers["Metadata-Flavor"] == "Google"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(METADATA[os.path.basename(self.path)].encode())

    def log_message(self, *args):
        pass


def test_preflight_names_the_silent_worker(pod, tmp_path):
    pod.do("create", *CREATE)
    pod.do("setup")
    with HTTPServer(("127.0.0.1", 0), Metadata) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        (pod.workers[0] / "metadata").write_text(f"127.0.0.1:{server.server_port}")
        (pod.workers[1] / "down").write_text("")
        told = pod.do("preflight", "--bucket", str(tmp_path / "b"), "--timeout", "1", code=2)
        server.shutdown()
    assert "after 1 s no word from process 1 (10.0.0.1) of 2" in told
    assert told.splitlines()[-1].startswith("error: preflight: worker 1 (10.0.0.1) of 2 said noth")


def test_preflight_wants_all_to_pass(pod, tmp_path):
    says = [f"process {i} (t1v-n-abc-w-{i}): is up\n" for i in range(2)]
    passed = [line.replace("is up", "passed") for line in says]
    pod.reply("tpu.preflight", "".join(says + passed), 0)
    assert "all 2 workers passed" in pod.do("preflight", "--bucket", "gs://b")
    pod.reply("tpu.preflight", "".join(says + passed[1:]), 0)
    told = pod.do("preflight", "--bucket", "gs://b", code=2)
    assert "worker 0 (10.0.0.0) of 2 did not pass" in told


def test_bad_flags_are_one_sentence(pod):
    assert "create needs --accelerator-type" in pod.do("create", "--yes", code=2)
    assert "launch takes a job after --" in pod.do("launch", "--bucket", "gs://b", code=2)
    assert not pod.calls()
