"""What the commands about sequences share: who does it, and durations as people write them."""

from datetime import timedelta

import click

from nurture.cli.parts import who
from nurture.domain.durations import parse_duration

BY = click.option("--by", default=who, help="Who does it, for the record.")


class _Duration(click.ParamType[timedelta]):
    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        if isinstance(value, timedelta):
            return value
        try:
            return parse_duration(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


DURATION = _Duration()
