"""The words that conditions are said in: what is looked at, and how it is compared."""

from collections.abc import Mapping

from nurture.web.i18n import marked as _

RELATIONS: Mapping[str, str] = {
    "is": _("is"),
    "is_not": _("is not"),
    "in": _("is one of"),
    "not_in": _("is none of"),
    "at_least": _("is at least"),
    "at_most": _("is at most"),
    "above": _("is more than"),
    "below": _("is less than"),
    "contains": _("contains"),
    "matches": _("looks like (* and ?)"),
    "exists": _("is known"),
    "missing": _("is not known"),
    "after": _("is after"),
    "before": _("is before"),
    "within_last": _("was in the last"),
    "in_next": _("comes in the next"),
    "given": _("was given"),
    "not_given": _("was not given"),
    "ever": _("happened ever"),
    "never": _("never happened"),
    "within": _("happened in the last"),
    "not_within": _("did not happen in the last"),
}
FACT_NAMES: Mapping[str, str] = {
    "stage": _("Stage"),
    "highest_stage": _("Furthest stage"),
    "grade": _("Fit grade"),
    "temperature": _("Temperature"),
    "persona": _("Persona"),
    "tag": _("Tag"),
    "sequence": _("Is in the sequence"),
    "segment": _("Is in the segment"),
    "received": _("Received the email"),
    "language": _("Language"),
    "timezone": _("Time zone"),
    "hours_in_stage": _("Hours in the stage"),
}
SCORE_NAMES: Mapping[str, str] = {"engagement": _("Engagement score"), "fit": _("Fit score")}
BANT_NAMES: Mapping[str, str] = {
    "budget": _("Budget"),
    "authority": _("Authority"),
    "need": _("Need"),
    "timing": _("Timing"),
}
EVENT_NAMES: Mapping[str, str] = {
    "open": _("Opened an email"),
    "click": _("Clicked a link"),
    "visit": _("Visited the site"),
    "form": _("Sent a form"),
    "purchase": _("Bought something"),
    "delivered": _("An email was delivered"),
    "bounce": _("An email bounced"),
    "unsubscribe": _("Unsubscribed"),
    "subscription_asked": _("Was asked to confirm a sign-up"),
    "subscribed": _("Signed up"),
    "complaint": _("Reported spam"),
    "segment_entered": _("Came into a segment"),
    "segment_left": _("Left a segment"),
}
# What our own events tell beside their name.
PROPERTY_NAMES: Mapping[str, str] = {
    "link": _("link"),
    "url": _("page"),
    "form": _("form"),
    "segment": _("segment"),
    "sequence": _("sequence"),
    "step": _("step"),
}

AGREED: Mapping[str, str] = {
    "given": _("has agreed to “%(topic)s”"),
    "not_given": _("has not agreed to “%(topic)s”"),
}
# Nobody thinks in 1440 hours.
STAYED: Mapping[str, str] = {
    "at_least": _("in the stage for at least %(time)s"),
    "at_most": _("in the stage for at most %(time)s"),
    "above": _("in the stage for more than %(time)s"),
    "below": _("in the stage for less than %(time)s"),
}
# "Is in the segment is not Regulars" is nobody's sentence.
MEMBERSHIP: Mapping[str, Mapping[str, str]] = {
    "segment": {
        "is": _("in the segment %(names)s"),
        "is_not": _("not in the segment %(names)s"),
        "in": _("in one of the segments %(names)s"),
        "not_in": _("in none of the segments %(names)s"),
    },
    "sequence": {
        "is": _("in the sequence %(names)s"),
        "is_not": _("not in the sequence %(names)s"),
        "in": _("in one of the sequences %(names)s"),
        "not_in": _("in none of the sequences %(names)s"),
    },
}
