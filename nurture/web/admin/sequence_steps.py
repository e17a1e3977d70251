"""One step of a draft in its form."""

from string import ascii_lowercase

from flask import abort, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from nurture.engine.drafts import Draft, DraftMoved
from nurture.web.admin.sequence_desk import Desk, Faults, desk
from nurture.web.admin.sequence_drafts import MORE, revision, saved_with, store, written
from nurture.web.admin.sequence_fields import Document, part, text
from nurture.web.admin.sequence_flow import steps_of
from nurture.web.admin.sequence_forms import KINDS, blank, kind_of, rename, step_from
from nurture.web.admin.sequence_names import title_of
from nurture.web.admin.sequence_place import sequences
from nurture.web.admin.sequence_preview import Shown, previews
from nurture.web.dependencies import dependencies
from nurture.web.i18n import gettext as _

# What a step's form lists: the name of its parts in the form, and where they are in the document.
_LISTS = {"case": ("branch", "cases"), "arm": ("split", "arms")}


@sequences.route("/<key>/draft/steps/new", methods=["GET", "POST"])
def new_step(key: str) -> Response:
    """A new step of ?kind=; it comes into the draft when it is saved, after the step chosen."""
    at = desk(dependencies().engine, key, check=False)
    kind = request.values.get("kind", "email")
    if kind not in KINDS:
        abort(404)
    if request.method == "GET":
        step = blank(kind, _free_key(at, kind))
        return make_response(step_page(at, step, 0, Faults(), None))
    step = step_from(request.form, kind)
    if MORE in request.form:
        return make_response(step_page(at, _with_more(step), 0, Faults(), None))
    place = request.form.get("place", len(at.steps), type=int)
    steps = at.steps
    steps.insert(max(0, min(place, len(steps))), step)
    return _store(at, at.document | {"steps": steps}, step, steps.index(step) + 1, new=True)


@sequences.route("/<key>/draft/steps/<int:number>", methods=["GET", "POST"])
def edit_step(key: str, number: int) -> Response:
    """One step, by its number in the draft from 1."""
    at = desk(dependencies().engine, key)
    if request.method == "GET":
        if not 0 < number <= len(at.steps):
            abort(404)
        return make_response(step_page(at, at.steps[number - 1], number, at.faults, None))
    was = text(request.form, "was")
    steps = at.steps
    # By its key, when others moved it meanwhile; by its number, while it has none.
    place = next((n for n, one in enumerate(steps) if was and one.get("key") == was), number - 1)
    before = steps[place] if 0 <= place < len(steps) else {}
    kind = request.form.get("kind", "email")
    if kind not in KINDS:
        abort(404)
    step = step_from(request.form, kind, before)
    if MORE in request.form:
        return make_response(step_page(at, _with_more(step), number, Faults(), None))
    if before:
        steps[place] = step
    else:
        steps.append(step)
        place = len(steps) - 1
    document = rename(at.document | {"steps": steps}, was, str(step["key"]))
    return _store(at, document, step, place + 1, new=False)


@sequences.post("/<key>/draft/steps/<int:number>/remove")
def remove_step(key: str, number: int) -> Response:
    """Take a step out of the draft."""
    at = desk(dependencies().engine, key, check=False)
    steps = at.steps
    if revision() != at.draft.revision or not 0 < number <= len(steps):
        flash(_("Somebody changed the steps meanwhile; nothing was removed."), "warning")
        return redirect(url_for(".draft", key=key), 303)
    del steps[number - 1]
    store(key, at.document | {"steps": steps}, at.draft.revision)
    flash(_("The step is out of the draft."), "done")
    return redirect(url_for(".draft", key=key), 303)


def _store(at: Desk, document: Document, step: Document, number: int, *, new: bool) -> Response:
    key = at.draft.key
    try:
        store(key, document, revision())
    except DraftMoved as moved:
        shown = 0 if new else number
        return make_response(step_page(at, step, shown, Faults(), moved.theirs), 409)
    wrong = desk(dependencies().engine, key).faults.inside(f"steps[{number - 1}]").problems
    if wrong:
        flash(saved_with(len(wrong)), "warning")
        return redirect(url_for(".edit_step", key=key, number=number), 303)
    flash(_("Saved in the draft."), "done")
    return redirect(url_for(".draft", key=key) + f"#step-{number}", 303)


def step_page(at: Desk, step: Document, number: int, faults: Faults, theirs: Draft | None) -> str:
    """The form; `number` 0 is a step that is not in the draft yet."""
    kind = kind_of(step)
    was = text(request.form, "was") if "was" in request.form else str(step.get("key", ""))
    same = [one for one in steps_of(theirs.document) if one.get("key") == was] if theirs else []
    return render_template(
        "sequences/step.html",
        at=at,
        it=step,
        kind=kind,
        number=number,
        was=was if number else "",
        place=request.values.get("place", len(at.steps), type=int),
        title=title_of(at.draft.document),
        faults=faults.inside(f"steps[{number - 1}]"),
        theirs=theirs,
        theirs_text=written(same[0]) if same else "",
        revision=theirs.revision if theirs else at.draft.revision,
        previews=_previews(step, kind),
    )


def _previews(step: Document, kind: str) -> list[Shown]:
    if kind == "notify":
        return previews(str(part(step, kind, "email") or ""), notice=True)
    return previews(str(step.get("email") or "")) if kind == "email" else []


def _with_more(step: Document) -> Document:
    """The step after a button that adds or takes away a case or an arm; nothing is saved."""
    wanted = request.form[MORE]
    if wanted == "case+":
        step["branch"]["cases"].append({"when": None})
    elif wanted == "arm+":
        arms = step["split"].setdefault("arms", [])
        taken = {arm["key"] for arm in arms}
        arms.append({"key": next((one for one in ascii_lowercase if one not in taken), "")})
    for name, (kind, parts) in _LISTS.items():
        number = wanted.removeprefix(f"{name}-")
        asked = request.form.getlist(name)
        if wanted != number and number in asked:
            del step[kind][parts][asked.index(number)]
    return step


def _free_key(at: Desk, kind: str) -> str:
    taken = {str(step.get("key")) for step in at.steps}
    word = kind.replace("_", "-")
    return next(f"{word}-{n}" for n in range(1, len(taken) + 2) if f"{word}-{n}" not in taken)
