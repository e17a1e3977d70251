"""Erasing a contact on their page, by whoever types the address."""

from flask import Blueprint, abort, flash, redirect, request, url_for
from werkzeug.wrappers import Response

from nurture.engine.erasing import LONGEST_REASON, Outcome, erase
from nurture.errors import Invalid
from nurture.store import reports_contact
from nurture.web.admin.shown_again import shown_again
from nurture.web.dependencies import dependencies
from nurture.web.i18n import gettext as _
from nurture.web.i18n import ngettext
from nurture.web.sessions import current_user

erasing = Blueprint("erasing", __name__, url_prefix="/contacts")


@erasing.post("/<int:contact_id>/erase")
def forget(contact_id: int) -> Response:
    """Erase a contact whose `address` was typed as it stands on the page; `why` stays on record."""
    given, user = dependencies(), current_user()
    with given.engine.database.read() as tx:
        who = reports_contact.profile(tx, contact_id)
    here = redirect(url_for("contacts.show", contact_id=contact_id, _anchor="erase"), 303)
    if who is None:
        if request.form.get("address"):
            # Somebody else was first, or the button was pressed twice: the page says when.
            return here
        abort(404)
    typed = request.form.get("address", "").strip().lower()
    if typed != who.email.lower():
        flash(_("Nothing changed: type the address of this contact to erase them."), "error")
        return shown_again(contact_id)
    try:
        done = erase(
            given.engine,
            who.email,
            by=user.email if user else "",
            why=request.form.get("why", ""),
            now=given.clock.now(),
        )
    except Invalid:
        flash(_refused(who.email.lower(), request.form.get("why", "")), "error")
        return shown_again(contact_id)
    if done.outcome is Outcome.ERASED:
        flash(_("Erased. What is counted in reports stays, and belongs to nobody."), "done")
    for file in done.files:
        told = _("An import wrote this address to %(file)s: delete that file by hand.", file=file)
        flash(told, "warning")
    if done.mails:
        emptied = ngettext(
            "%(num)s copy in the local inbox was emptied.",
            "%(num)s copies in the local inbox were emptied.",
            done.mails,
        )
        flash(emptied, "done")
    return redirect(url_for("contacts.show", contact_id=contact_id), 303)


def _refused(address: str, why: str) -> str:
    if address in why.lower():
        return _("Nothing changed: the reason stays on record, so it must not name the address.")
    if len(why) > LONGEST_REASON or "\0" in why:
        return _("Nothing changed: write the reason in at most 500 characters.")
    return _(
        "Nothing changed: who erases stays on record, and you log in by this very address. "
        "Ask a colleague to do it."
    )
