"""What an error of the engine says, in the language of the page or of the answer.

Errors speak English. Each sentence that one can say to somebody at a page or at the commands that
speak both languages is here; a test looks for those that are missing.
"""

from dataclasses import replace

from nurture.errors import Invalid, NurtureError, Problem
from nurture.web.i18n import marked as _
from nurture.web.problem_words import sentence
from nurture.web.sentences import Sentences

SENTENCES = (
    # What is not there.
    _("there is no contact <>"), _("Give an address or an id."),
    _("<> is no instant"), _("Write 2026-11-30T09:00+07:00; without a zone it is UTC."),
    _("<> has not come yet"), _("Leave --at out, or see `nurture ahead` for the next seven days."),
    _("there is no sequence <>"), _("`nurture sequence list` names them."),
    _("there is no published sequence <>"), _("there is no segment <>"),
    _("`nurture segment list` names them."), _("Write it in campaigns/segments.yaml."),
    _("Did you mean `<>`?"), _("Write one of <>."), _("Look for the right name."),
    _("there is no experiment <> that anybody is in"), _("`nurture experiment list` names them."),
    _("there is no event <> in quarantine"), _("See `nurture quarantine list`."),
    _("there is no delivery <>"), _("See `nurture delivery list`."),
    _("there is no endpoint <>"), _("Declare it in funnel.yaml and apply."),
    _("no funnel is published yet"), _("Run `nurture apply` first."),
    _("nothing is published yet"), _("run `nurture apply` first"),
    _("run `nurture apply` to publish campaigns/"),
    _("<> has no version <>"), _("<> was never published"),
    _("Publish it first, or name a version that there is."),
    _("the step <> has no compiled email"), _("the compiled email <> is not in the database"),
    _("this email is not known here"), _("this contact is not known here"),
    _("this email cannot be shown any more"), _("this email asked nothing"),
    _("this finding does not stand any more"), _("this suppression does not stand any more"),
    _("funnel.yaml declares no endpoint <>"), _("<> cannot stand here"),
    _("there is a sequence <> already"),
    # Somebody was first, or a rule stands in the way.
    _("event <> is <> already"), _("Look at the list."), _("delivery <> is <>"),
    _("delivered already"), _("under way"), _("Look at it again."),
    _("delivery <> is about a contact who was erased"), _("There is nothing left to tell."),
    _("this send is settled already"), _("Look at the list again."),
    _("<> takes mail already"), _("Look at the page again."), _("<> is over already"),
    _("<> has no arm <>"), _("Write one of <>, or none."),
    _("version <> of <> is entered in another way than version <>"),
    _("Let its runs come to their ends, or end them."),
    _("a sequence that is not published cannot be paused"), _("<> is not paused"),
    _("`nurture sequence list` names those that are."),
    _("a pause needs a reason"), _("Say why, for whoever reads this later."),
    _("<> is started by an event: at its end contacts are done, not out of content"),
    _("Forecasts are for the sequences of stages."),
    _("only a person can settle this"), _("The health page says where."),
    _("the secret of <> is set by NURTURE_ENDPOINT_SECRETS"),
    _("Give the key twice there, the new secret first, until the receiver changed."),
    _("<> is called already"), _("See `nurture endpoint list`."),
    # What a person says of a contact.
    _("this contact stands in no stage"), _("Import them first."),
    _("sales can send nobody back from <>"),
    _("Add a `recycle` edge with `by: [sales]` out of this stage to funnel.yaml."),
    _("no reason is given"), _("the reason is none of the edge's"),
    _("Give one of the reasons of this way back: <>."),
    _("nobody says who it is"), _("Say who you are: an override is kept with a name."),
    _("nobody says why"), _("Say why in a note: an override is kept with its reason."),
    _("the <> cannot be stored"), _("Write at most <> plain characters."),
    _("BANT has no <>"), _("Use <>."), _("<> is no answer"), _("Answer <>."),
    _("Write <>=yes; answers are <>."),
    _("the text is too long"),
    _("Write at most <> characters."), _("the text cannot be stored"),
    _("Leave out NUL and half characters."), _("Nothing was changed"),
    _("<> problems were found"), _("Campaigns cannot be published"), _("Nothing was published"),
    _("These files cannot be published"), _("The campaign files cannot be read"),
    _("there is no folder <>"), _("Make it, or name another by NURTURE_CAMPAIGNS."),
    _("<> chooses nothing"), _("Write file:KEY or admin:KEY."),
    # Tags.
    _("no tag is given"), _("Write one, such as vip; commas separate several."),
    _("these are too many tags"), _("Give at most <> at once."),
    _("a tag holds a sign that cannot be seen"), _("Type it again, letter by letter."),
    _("the tag “<>” is too long"),
    # Erasing and lifting.
    _("<> is no email address"), _("Give one like lan@example.com."),
    _("Give an address such as name@example.com."),
    _("this cannot be put on record"),
    _("Say who does it, and why in at most <> characters."),
    _("the reason names the address that is to be erased"),
    _("The reason stays on record: give the number of the request instead."),
    _("a suppression is lifted for a reason"),
    _("Say how you know that they wish it, without their address: it stays on record."),
    _("nothing stands against this address in the scope <>"), _("Standing are: <>."),
    _("It may be written to, given consent."),
    # Accounts.
    _("<> has an account already"), _("Run `nurture user password <>` to change it."),
    _("<> has no account"), _("Run `nurture user add <>`."), _("the password is too short"),
    _("the password is too long"),
    _("Choose one of <> or more; a short sentence is easy to keep."),
)  # fmt: skip

_KNOWN = Sentences(SENTENCES)


def translate_error(error: NurtureError) -> None:
    """Let an error speak the language that is spoken, as far as its sentences are known.

    What it is about, such as a key or an address, stays as it is.
    """
    if isinstance(error, Invalid) and error.problems:
        subject = _subject(error)
        error.problems = tuple(_told(one) for one in error.problems)
        rest = (
            str(error.problems[0])
            if len(error.problems) == 1
            else _KNOWN.say(f"{len(error.problems)} problems were found")
        )
        error.message = f"{_KNOWN.say(subject)}: {rest}" if subject else rest
    else:
        error.message = _said(error.message)
    error.remedy = "\n".join(_said(line) for line in error.remedy.split("\n"))


def _subject(error: Invalid) -> str:
    """What an error of `Invalid.because` is about; empty when it does not say so."""
    told = (
        str(error.problems[0])
        if len(error.problems) == 1
        else f"{len(error.problems)} problems were found"
    )
    return error.message.removesuffix(told).removesuffix(": ") if told in error.message else ""


def _told(problem: Problem) -> Problem:
    return replace(problem, message=_said(problem.message), remedy=_said(problem.remedy))


def _said(english: str) -> str:
    """A sentence about what was asked for, or about campaigns: files are checked by commands."""
    return _KNOWN.known(english) or sentence(english)
