"""What can be wrong with the funnel, or with files together, as patterns for `problem_words`."""

from nurture.web.i18n import marked as _

FUNNEL_SENTENCES = (
    # The files.
    _("this file is not read"), _("Call it <>."), _("the funnel is missing"),
    _("Write its stages and rules here."), _("the file is not UTF-8 text"),
    _("Save it again with the encoding UTF-8."), _("Look at its permissions."),
    _("the key <> is not the file's name"), _("Write `key: <>`, or rename the file."),
    _("the file is empty"), _("Write a campaign in it."),
    # Who sends, and when.
    _("there is no time zone <>"),
    _("Write an IANA name such as Asia/Ho_Chi_Minh or Europe/London."),
    _("Write an address that begins with https://."), _("Write one capital letter."),
    _("there is no holiday calendar <>"), _("Write <>, or one of <>."),
    _("Write <>: its parts have no calendars of their own."),
    _("Write a country's two letters, such as VN or US, or a part of one, such as DE-BY."),
    _("<> needs no consent, so there is nothing to confirm"),
    _("Leave out either `transactional` or `confirm`."),
    _("<> cannot be called: <>"), _("Write https://host/path."),
    # Stages and the edges between them.
    _("the edge leads from <> to itself"), _("Name another stage in `to`."),
    _("nobody can ever reach the stage <>"), _("Add an edge that leads to it."),
    _("<> demotes at <> and <> promotes at <>"),
    _("Demote below a number smaller than <>, or contacts go to and fro."),
    _("<> is an override, and the rules cannot say who wants it and why"),
    _("Write `by: [sales]` or `by: [marketing]`."),
    _("<> has reasons, and only the rules take it, which give none"),
    _("Let `sales` or `marketing` take it, or leave `reasons` out."),
    # Points.
    _("there is no group <>"), _("the event <> looks like a slip of the pen"),
    _("<> asks for <> points, and all groups give <> at most"),
    _("Raise a cap or lower the threshold."),
    _("<> begins at <>, and the groups give <> at most"), _("Raise a cap or lower it."),
    _("<> does not say at how many points it begins"), _("Add `<>: …`; only the last has none."),
    _("<> begins at <>, not below the one above it"), _("Write the highest first."),
    _("<> would flicker: it must be left below where it begins"),
    _("Add `leave:` with less than <>."),
    # What goes with sequences.
    _("there is no tag <>"),
    _("no sequence is of the track <>, so nobody would be held out"),
    _("Write `track: <>` in a sequence, or remove it from `hold_out`."),
    _("nobody can ever confirm <>: no sequence asks for it"),
    _("Add one that `subscription_asked` starts, or leave out `confirm`."),
    _("whoever asks again, or about a second topic, would get no letter"),
    _("Write `key: ask` under `trigger`, and `reentry: keyed`."),
    _("nobody gets the letter that asks: they have not agreed to anything yet"),
    _("Send an email on a topic that is `transactional`."),
    _("<> has no button to confirm with"), _("Link to {{ confirm_url }}."),
    # The files against what is published.
    _("<> was changed in the admin (version <>) and in the file"),
    _("the segment <> was changed in the admin and in the file"),
    _("Write --take <> or --take <>; `nurture plan` shows both."),
    _("the segment <> is gone from the file, and <>, published in the admin, asks for it"),
    _("Put <> back, or take it out of <> first."),
    _("the segments <> rest on each other, some in the file and some in the admin"),
    _("Run `nurture export`, then write in one of them what the other asks for."),
)  # fmt: skip
