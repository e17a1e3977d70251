"""Templates that loop for ever, allocate without end or reach for Python: all are stopped."""

import threading
import tracemalloc
from pathlib import Path

import pytest

from nurture.errors import Invalid
from nurture.mailer.budget import Limits
from nurture.mailer.compile import compile_email
from nurture.mailer.render import Renderer, TemplateFailed
from tests.mailer.samples import MERGE, bare, mjml, written

ALLOCATING = [
    "{{ 'a' * 10**9 }}",
    "{{ 'a' * 1000000000 }}",
    "{{ [1] * 1000000000 }}",
    "{{ range(10**9)|list }}",
    "{{ range(1000000000)|list }}",
    "{{ range(1000000000000000000000000000000)|length }}",
    "{% for a in range(10000) %}{% for b in range(10000) %}{% for c in range(10000) %}"
    "{% endfor %}{% endfor %}{% endfor %}",
    "{% for x in range(99999) %}x{% endfor %}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% macro m(n) %}{% for x in range(99999) %}{{ m(n) }}{% endfor %}{% endmacro %}{{ m(1) }}",
    "{{ 'a'|center(1000000000) }}",
    "{{ 'a'|indent(1000000000) }}",
    "{{ 'a'|wordwrap(1) }}",
    "{{ '%1000000000d'|format(1) }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ 'a'.ljust(1000000000) }}",
    "{{ 'a'.__mul__(1000000000) }}",
    "{{ '{:1000000000}'.format(1) }}",
    "{{ big|replace('', big) }}",
    "{{ big|replace('x', big) }}",
    "{{ range(10000)|join(big) }}",
    "{{ range(10)|batch(1000000000, 'x') }}",
    "{{ range(10)|batch(1000000000) }}",
    "{{ 5|round(-1000000000) }}",
    "{{ 2 ** 1000000000 }}",
    "{% set x = 9999999999999999999 %}{{ x * x }}",
    "{{ 'é'|urlencode|urlencode ~ big ~ big ~ big }}",
    "{% set a = big %}" + "{% set a = a ~ a %}" * 40 + "{{ a }}",
    "{% set a = big %}" + "{% set a = a + a %}" * 40 + "{{ a }}",
    "{% set a = [1] %}" + "{% set a = [a, a] %}" * 40 + "{{ a }}",
    "{% set ns = namespace(s='a') %}{% for i in range(99) %}{% set ns.s = ns.s ~ ns.s %}"
    "{% endfor %}",
    "{% for i in range(9000) %}{{ big }}{% endfor %}",
    "{% for i in range(9000) %}{{ big|upper|lower|length }}{% endfor %}",
    "{% for i in range(9000) %}{{ range(9000)|sum }}{% endfor %}",
    "{% for i in range(9000) %}{% set n = big ~ big %}{% endfor %}",
    "{{ lipsum(n=1000000) }}",
    "{{ 1|number(1000000000) }}",
    "{{ '1e999999999'|number }}",
    "{{ '1e-999999999'|number ~ '1e999999999'|money }}",
    "{{ contact.first_name|date('y' * 1000000) }}",
    "{% for x in loops recursive %}{{ loop(loops) }}{% endfor %}",
]
REACHING = [
    "{{ ''.__class__ }}",
    "{{ ''['__class__'] }}",
    "{{ contact.__class__.__mro__ }}",
    "{{ contact.keys() }}",
    "{{ contact.pop('email') }}",
    "{{ ''|attr('__class__') }}",
    "{{ self }}",
    "{{ self._TemplateReference__context }}",
    "{{ cycler('a').__init__.__globals__ }}",
    "{{ range.__globals__ }}",
    "{{ loop.__class__ }}",
    "{% for x in [1] %}{{ loop.__init__.__globals__ }}{% endfor %}",
    "{% for x in [1] %}{{ loop.cycle.__globals__ }}{% endfor %}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}",
    "{% extends 'x' %}",
    "{{ contact }}",
    "{{ contact.first_name|map('upper')|list }}",
    "{{ sender|tojson }}",
    "{% raw %}{{ x }}{% endraw %}{{ config }}",
]


@pytest.mark.parametrize("attack", ALLOCATING + REACHING)
@pytest.mark.parametrize("part", ["subject", "html", "text"])
def test_a_hostile_template_fails_by_name_in_little_memory(part: str, attack: str) -> None:
    email = bare(**{part: attack})
    merge = {**MERGE, "big": "x" * 60_000, "loops": [1]}
    tracemalloc.start()
    try:
        with pytest.raises(TemplateFailed) as caught:
            Renderer().render(email, merge)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (caught.value.email, caught.value.language, caught.value.part) == ("sample", "en", part)
    assert caught.value.reason
    assert peak < 20_000_000


@pytest.mark.parametrize(
    "attack",
    [
        "{{ contact.first_name|safe }}",
        "{% autoescape false %}{{ contact.first_name }}{% endautoescape %}",
        "{{ 2 ** 9 }}",
        "{{ contact.first_name.upper() }}",
        "{% macro m() %}{% endmacro %}",
        "{{ 'a'|center(9) }}",
        "{{ [contact.first_name] }}",
        "{{ {'a': 1} }}",
        "{% raw %}x{% endraw %}",
        "{% for x in event.items recursive %}{% endfor %}",
        "{% include 'x' %}",
    ],
)
def test_what_the_language_does_not_have_is_refused_at_publish(tmp_path: Path, attack: str) -> None:
    source = written(tmp_path, mjml(f"one\ntwo {attack}"))
    with pytest.raises(Invalid) as caught:
        compile_email(source)
    assert {(each.file, each.line) for each in caught.value.problems} == {(source.body_file, 4)}
    assert all(each.remedy for each in caught.value.problems)


def test_the_budget_holds_in_every_thread_and_does_not_leak_between_renders() -> None:
    renderer = Renderer(limits=Limits(steps=5_000))
    good = bare(html="{% for i in range(400) %}{{ i }}{% endfor %}")
    bad = bare(html="{% for i in range(9000) %}{{ i }}{% endfor %}")
    outcomes: list[bool] = []

    def work() -> None:
        for _ in range(5):
            renderer.render(good, MERGE)
            try:
                renderer.render(bad, MERGE)
            except TemplateFailed as failure:
                outcomes.append("steps" in failure.reason)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == [True] * 20


def test_a_real_order_of_two_hundred_lines_stays_far_within_the_budget() -> None:
    html = (
        "{% for item in event.items %}<tr><td>{{ loop.index }}</td><td>{{ item.name|title }}</td>"
        "<td>{{ item.price|money('VND') }}</td></tr>{% endfor %}"
    )
    items = [{"name": f"áo {n}", "price": n * 1000} for n in range(200)]
    rendered = Renderer(limits=Limits(steps=20_000)).render(
        bare(html=html), {**MERGE, "event": {"items": items}}
    )
    assert rendered.html.count("<tr>") == 200
