"""What the check says about campaigns, in the language of the page or of the command's answer.

The check speaks English, with the words of the file in it. Each sentence it can say about the
funnel, a sequence or an email is here as a pattern, `<>` standing for such a word; the catalogue
has the sentence in the other language with the same words in their places. A sentence that is not
here is shown as it is: better in another language than not at all.
"""

from nurture.errors import Problem
from nurture.web.email_problem_words import EMAIL_SENTENCES
from nurture.web.funnel_problem_words import FUNNEL_SENTENCES
from nurture.web.i18n import marked as _
from nurture.web.sentences import Sentences

SENTENCES = (
    # Values that do not fit.
    _("`<>` is missing"), _("Add `<>: …`."), _("this must be text"),
    _("Write a word; put quotes around numbers."), _("this is empty"), _("Write something here."),
    _("this text is too long"), _("Shorten it."), _("this must be a whole number"),
    _("Write a number such as 3, without quotes."), _("this must be true or false"),
    _("Write true or false."), _("this must be a list"),
    _("Write [one, two], or one `- item` a line."), _("this must be a group of keys"),
    _("Write `key: value` lines, indented."), _("this list is too long"), _("Split it."),
    _("this list is empty"), _("Write at least one item."), _("<> is too small"),
    _("Write <> or more."), _("Write more than <>."), _("<> is too large"), _("Write <> or less."),
    _("Write less than <>."),
    _("<> is not known here"), _("<> cannot stand here"),
    _("Use lower-case letters a-z, digits, - and _, without spaces or accents."),
    _("Did you mean `<>`?"), _("Write one of <>."), _("Look for the right name."),
    _("<> is not a duration"), _("Write 30m, 12h, 3d or 2w."), _("<> is longer than ten years"),
    _("Write at most 3650d."), _("<> is no time at all"), _("Write at least 1m."),
    _("<> is not a time of day"), _('Write "09:00" or "17:30".'), _("<> is not a weekday"),
    _("<> is not a date"), _("Write 2026-09-02, or now."), _("<> is not a single value"),
    _("Write one text, number or true/false."), _("<> is not a list of values"),
    _("Write [one, two]."), _("<> is not a number"), _("Write a number such as 10 or 2.5."),
    # Keys, and text that is no YAML.
    _("the key `<>` is not known here"), _("`<>` stands beside another condition"),
    _("Write all: [{…}, {…}] or any: [{…}, {…}]."), _("this is not a condition"),
    _("Write for example {stage: lead}."), _("this condition says nothing"), _("Add one of <>."),
    _("the file cannot be read: <>"),
    _("Look at the indentation, quotes and brackets here and on the line before."),
    _("<> `<>` is used twice in <>"), _("Give each its own."),
    _("there is a sequence <> already"), _("Choose another key."),
    _("there is a segment <> already"), _("the segments <> rest on each other"),
    _("Write in one of them what the other asks for, instead of its name."),
    # Steps and paths.
    _("`end` is the name of the end of every path"), _("Give the step another key."),
    _("nothing is named to wait for"), _("Write `event: click` or `when: {…}`."),
    _("`of` and `where` describe an event, and none is named"), _("Add `event: …`."),
    _("nothing is said to wait until"), _("nothing is said to wait for"), _("Write `wait: 2d`."),
    _("there is no step <> to go to"), _("Write the key of a step of this sequence, or end."),
    _("no path leads to the step <>"), _("Lead a path to it, or remove it."),
    _("the loop <> can turn in less than <>"), _("Put a `wait` of at least <> on every way round."),
    _("the step <> stands in a loop and may be met only once"), _("Say how often: `passes: 3`."),
    _("an open cannot always be known, and no path says what happens then"),
    _("Add `unknowable:` with the step to go to."),
    _("`unknowable` is only for opens: this path is never taken"), _("Remove `unknowable`."),
    _("there is no step <>"), _("Put an email step before it."), _("the step <> sends no email"),
    _("the email <> is not sent before this step"), _("this sequence can send nothing"),
    _("Add an `email` step."),
    # Names, and what goes together.
    _("there is no field <>"), _("Declare it in funnel.yaml."), _("there is no topic <>"),
    _("there is no stage <>"), _("there is no sequence <>"), _("there is no email <>"),
    _("Write it in <>."), _("the email <> is not written in <>"), _("there is no <> <>"),
    _("no edge that the rules may take leads from <> to <>"),
    _("no edge that the rules may take leads to <>"),
    _("Add the edge to funnel.yaml, with `by: [rules]`."), _("the window never opens"),
    _("Name at least one day: `days: [mon, tue]`."),
    _("the holidays keep the window closed for more than a year"),
    _("Remove days from `holidays`."),
    _("both a stage and a trigger are given"), _("nobody ever enters"),
    _("Write either `stage: lead` or `trigger: {event: …}`."),
    _("`reentry: keyed` needs a trigger whose `key` tells one run from another"),
    _("Add `key: cart_id` (or the like) to the trigger."),
    _("the trigger tells runs apart by <>, and re-entry does not"), _("Write `reentry: keyed`."),
    _("the event <> would cancel the run that it starts"), _("Name another event in `cancel`."),
    _("what is queued begins when the run ends, and `reentry` does not let it in then"),
    _("Write `reentry: one_at_a_time`, or `while_active: ignore`."),
    _("a restart begins anew, and `returning: resume` goes on where the run stopped"),
    _("Write `returning: skip`, or `while_active: ignore`."),
    _("`returning: <>` is for contacts who come back, and `reentry` lets nobody"),
    _("Write `reentry: {after: 30d}`, or remove `returning`."),
    _("`returning: resume` has nothing to go on with: each key is entered once"),
    _("Remove `returning`."), _("a sequence cannot make contacts leave itself beside it"),
    _("Write `exit: <>` instead."),
    _("<> takes the same stage with the same priority"),
    _("Give one of them a higher `priority`."), _("a sequence cannot lead contacts into itself"),
    _("Lead the path to a step of this sequence instead."),
    _("<> is for the stage <>, and nobody here is in it"), _("Write `change_stage: <>`."),
    _("<> is entered by a key of its event, and nobody here has one"),
    _("Move to a sequence that is not keyed."),
    _("contacts would go round <> without a wait of at least an hour"),
    _("Put a `wait` before one of the moves."),
    _("contacts who go round <> may not enter <> again"), _("Write `reentry: {after: 30d}`."),
    _("<> has no value: this sequence is not started by an event"),
    _("<> has no value for contacts who are like no persona"),
    _("there is no endpoint <>"), _("there is no segment <>"),
    _("a property needs a name and what it must be"),
    _("Write plan: pro, say; * stands for anything."),
    _("<> is of the same track, and a contact is in one at a time"),
    _("Enter a triggered sequence, or write `move_to`."),
    # Every kind of step.
    _("this step does nothing"), _("this is not a step"),
    _("Write for example {key: hello, email: welcome}."),
    _("`<>` is a second thing for this step to do"),
    _("Make `<>` a step of its own, with its own key."),
    _("nothing is said to change"), _("Write `update: {tag: [vip]}`."),
    _("a branch asks for opens, which cannot always be known"),
    _("nothing happens at least <> and at most <> times"),
    _("Make `at_most` the greater one."),
    _("two arms have the same key"), _("two arms are held out"),
    _("Keep `hold_out: true` on one of them."),
    _("no date is named"), _("two dates are named"),
    _("Write either `field: …` or `property: …`."),
    _("before and after cannot stand together"), _("Keep one of them."),
    _('Write {days: [tue], at: "09:00"}.'), _("Write 2026-09-02."),
    _("Write an email address such as hello@example.com."),
    _("nothing is said about the value"), _("<> cannot stand together"),
    _("Write all: [{…}, {…}] or any: [{…}, {…}], with one in each."), _("Write exactly one of <>."),
    _("this contains itself"), _("Write it out."), _("this cannot be read (<>)"),
    _("Compare it with the documentation."),
    _("the reason `<>` is said in two ways in Vietnamese"),
    _("Say it in the same words wherever it stands."),
    # Emails and what they show.
    _("<> is not known"), _("<> is a field that funnel.yaml does not declare"),
    _("Declare `<>` under `fields`."),
    _("<> has no value for contacts whose <> is not known"),
    _("Write {{ <> | default('…') }}."),
    _("Write {{ <> | default('…') }}, or give the field a default in <> in funnel.yaml."),
    _("no link in <> (<>) fits <>"), _("Its links are <>."), _("no email has a link that fits <>"),
    _("Write a link as it is written in the email; * stands for any letters."),
    _("Its links are <>; write * in the place of a merge field."), _("Add the link."), _("Add <>."),
    # Text that is no YAML, or says too much.
    _("<> is not a number that can be used"), _("the file nests too deeply"),
    _("the file unfolds without end"), _("the file is longer than <> characters"),
    _("Split it into several sequences."), _("the tag <> is not read here"),
    _("Remove the tag; write the value."), _("this is not YAML"),
    _("the file holds a character that is not text"), _("Save it again as plain UTF-8 text."),
    _("the key `<>` is given twice, first on line <>"), _("Keep one of the two."),
    _("a key must be a word"), _("Write `word: value`."),
    # What is tried on paper.
    _("“<>” says nothing that can be assumed"), _("“<>” names no email"),
    _("in “<>”, step <> is no email of <>"), _("The emails are <>."), _("Write <> step …: <>."),
    _("a line of <> letters says too much"), _("in “<>”, <> is no time of day"),
    _("in “<>”, the time is too long"),
    _("“<>” begins as JSON does, and is not closed"),
    _("“<>” begins as JSON does, and cannot be read from “<>” on"),
    _("“<>” begins as JSON does, and is nested too deeply"),
    _("Write all of it, or put a text into quotes: <>"),
    _("“<>” is no property"), _('Write name=value, such as cart_id=42 or a="b c".'),
    _("<> tells its runs apart by <>, and none is given"), _("Add --with <>=…."),
    _("nobody is named to enter it"), _("Add --contact ADDRESS or --someone."),
    _("<> may not enter <>"), _("They are suppressed; nobody who is gets into a sequence."),
    _("Look at `entry` and `reentry` of the sequence, and at what the trigger asks for."),
    _("that email has not been sent by then"),
    _("that is before the contact entered"),
    # Who walks a draft.
    _("nobody is named to walk the draft"), _("Name a contact with the tag test."),
    _("there is no contact <>"), _("Import the contact first."), _("<> is no test contact"),
    _("Give the contact the tag <>: nobody else walks a draft."),
    *EMAIL_SENTENCES,
    *FUNNEL_SENTENCES,
)  # fmt: skip

_KNOWN = Sentences(SENTENCES)


def tell(problem: Problem) -> str:
    """One problem in words: what is wrong, and what to do."""
    said, remedy = sentence(problem.message), sentence(problem.remedy)
    ended = said if said.endswith((".", "!", "?", ":")) else f"{said}."
    return f"{ended[:1].upper()}{ended[1:]} {remedy}".strip()


def sentence(english: str) -> str:
    """A sentence of the check in the language that is spoken; one that is not known as it is."""
    return _KNOWN.say(english)
