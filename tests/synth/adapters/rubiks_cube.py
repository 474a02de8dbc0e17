"""Published cases: faces as rows of colour numbers, read as a common net."""

FACES = "ULFRBD"


def adapt(case, value):
    given, task = case["state"], case["task"]
    letters = [name[0].upper() for name in given["colors"]]
    faces = [
        "".join(letters[number] for row in given["faces"][face] for number in row) for face in FACES
    ]
    params = dict(case["params"])
    if task.startswith("moves_to_solve"):
        params["most"] = 4
    return task, {"faces": faces}, params, value
