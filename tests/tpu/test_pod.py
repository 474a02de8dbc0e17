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
    words = (*CREATE, "--poll", "0.1", *job(bucket, *AWKWARD))
    said = {}
    for action in ("create", "setup", "launch", "watch", "delete"):
        before = pod.calls()
        printed = pod.do(action, "--dry-run", *words).splitlines()
        assert pod.calls() == before and (action != "setup" or not list(pod.folder.glob("*.gz")))
        said[action] = pod.do(action, *words)
        (commit,) = {path.name[8:-7] for path in pod.folder.glob("*.gz")} or {"COMMIT"}
        commands = [shlex.split(line.replace("COMMIT", commit)) for line in printed]
        commands = [words[1:] for words in commands if words[0] == "gcloud"]
        assert commands == pod.calls()[len(before) :]
    assert pod.calls()[1] == [
        *("compute", "tpus", "queued-resources", "create", "my-pod", "--node-id=my-pod"),
        *("--accelerator-type=v5litepod-16", "--runtime-version=v2-alpha-tpuv5-lite", "--spot"),
        *BOUND,
    ]
    assert all(call[-2:] == BOUND for call in pod.calls())
    verbs = ["list", "create", "list", "scp", "ssh", "ssh", "list", "ssh", "list", "delete"]
    assert pod.verbs() == verbs
    assert "tensorboard --logdir 'gs://b/a run'" in said["launch"].splitlines()
    assert "finished, exit code 0" in said["watch"] and "the job is done" in said["watch"]
    (log,) = (bucket / "logs/my-pod").iterdir()  # both workers have this machine's name
    assert "finished, exit code 0" in log.read_text()
    for worker in pod.workers:
        assert json.loads((worker / "job.json").read_text()) == AWKWARD
        asked = (worker / "python3-calls").read_text().splitlines()
        assert asked[-1].endswith(f"--editable {worker}/c2l-jax/src[tpu]")


def test_what_was_done_is_not_done_again(lone):
    for action in ("create", "create", "setup", "setup", "delete", "delete"):
        lone.do(action, *CREATE)
    assert lone.verbs().count("create") == lone.verbs().count("delete") == 1


def test_a_running_job_is_left_alone_and_stops_when_asked(lone, tmp_path):
    (lone.project / "job.py").write_text("")
    assert "not committed does not go along" in lone.do("setup")
    forever = ["--bucket", str(tmp_path / "bucket"), "--", "http.server", "0"]
    lone.do("launch", *forever)
    assert "already: stop it" in lone.do("launch", *forever)
    assert "has stopped" in lone.do("stop")
    assert (lone.workers[0] / "c2l-jax/src/job.py").read_text()  # as it was committed


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
def test_a_step_that_fails_is_named_and_the_last(lone, tmp_path, action, fails, step):
    (lone.folder / "state").write_text("" if action == "create" else "ACTIVE\n")
    lone.reply(fails, "ERROR: (gcloud) quota\n", 1)
    told = lone.do(action, *CREATE, *job(tmp_path), code=2)
    assert told.splitlines()[-1].startswith(f"error: {step}") and "ERROR: (gcloud) quota" in told
    assert fails in " ".join(lone.calls()[-1])


def test_nothing_is_bought_or_destroyed_without_a_yes(lone):
    assert "not confirmed" in lone.do("create", *CREATE[:-1], code=2)
    (lone.folder / "state").write_text("ACTIVE\n")
    assert "not confirmed" in lone.do("delete", code=2)
    assert lone.verbs() == ["list", "list"]


def test_it_waits_in_the_queue(lone):
    (lone.folder / "state").write_text("WAITING_FOR_RESOURCES\n" * 3 + "PROVISIONING\nACTIVE\n")
    told = lone.do("create", *CREATE, "--poll", "0.01")
    assert told.count("is WAITING_FOR_RESOURCES; waiting") == 1
    (lone.folder / "state").write_text("PROVISIONING\nFAILED\n")
    assert "FAILED, and will not come" in lone.do("create", *CREATE, "--poll", "0.01", code=2)


def test_a_preempted_pod_is_made_anew_if_that_was_asked_for(lone, tmp_path):
    flags = (*CREATE, "--poll", "0.1", *job(tmp_path / "bucket"))
    (lone.folder / "state").write_text("SUSPENDED\n")
    assert "the job was interrupted" in lone.do("watch", *flags, code=2)
    lone.reply("scp", "", 1)  # it goes on with the step that failed
    told = lone.do("watch", "--restart", *flags)
    assert "the job is done" in told
    again = ["list", "delete", "list", "create", "list", "scp", "list", "scp", "ssh", "ssh"]
    assert lone.verbs() == ["list", "list", *again, "list", "ssh"]


def test_a_job_whose_machine_went_down_is_launched_again(lone, tmp_path):
    flags = (*CREATE, "--poll", "0.1", *job(tmp_path / "bucket"))
    for action in ("create", "setup", "launch"):
        lone.do(action, *flags)
    lone.reply("supervise follow", "", 75)
    assert "the job was interrupted" in lone.do("watch", *flags, code=2)
    lone.reply("supervise follow", "", 75)
    lone.reply("supervise follow", "", 255)  # a lost connection is nothing to act on
    assert "the job is done" in lone.do("watch", "--restart", *flags)
    assert lone.verbs()[-6:] == ["ssh", "ssh", "list", "ssh", "list", "ssh"]


def test_a_job_with_bad_settings_ends_the_watch(lone, tmp_path):
    for worker in lone.workers:
        (worker / "code").write_text("2")
    for action in ("create", "setup", "launch"):
        lone.do(action, *CREATE, *job(tmp_path / "bucket"))
    told = lone.do("watch", "--poll", "0.1", code=2)
    assert (
        "error: the job can't go on with what it was given" in told
        and "refused, exit code 2" in told
    )


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


def test_preflight_ends_even_if_a_connection_hangs(lone, tmp_path):
    lone.reply("tpu.preflight", "process 0 (t1v-n-abc-w-0): is up\n", -1)
    told = lone.do("preflight", "--bucket", "gs://b", "--timeout", "0.5", code=2)
    assert told.splitlines()[-1].startswith("error: preflight: worker 0 (10.0.0.0) of 1 ")


def test_bad_flags_are_one_sentence(lone):
    assert "create needs --accelerator-type" in lone.do("create", "--yes", code=2)
    assert "launch takes a job after --" in lone.do("launch", "--bucket", "gs://b", code=2)
    told = lone.do("watch", "--restart", *CREATE, "--bucket", "gs://b", code=2)
    assert "watch takes a job after --" in told
    assert not lone.calls()
