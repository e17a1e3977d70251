"""Waking: one job for each batch, only ids, and never an error for whoever wakes."""

import json
from dataclasses import replace

import pytest
from redis import Redis
from rq.serializers import JSONSerializer

from nurture.config import Settings
from nurture.jobs.queue import FAILURE_TTL, connect, sends_queue, wake_by


@pytest.fixture
def queued(settings: Settings, redis_url: str) -> Settings:
    return replace(settings, redis_url=redis_url)


def batches(settings: Settings) -> list[int]:
    with connect(settings) as connection:
        return [job.args[0] for job in sends_queue(connection).get_jobs()]


def test_each_batch_becomes_a_job_that_carries_its_id_as_json(queued: Settings) -> None:
    wake_by(queued)([3, 4, 4])
    assert batches(queued) == [3, 4]
    with Redis.from_url(queued.redis_url) as client, connect(queued) as connection:
        job = sends_queue(connection).get_jobs()[0]
        stored = client.hgetall(f"rq:job:{job.id}")
    data = JSONSerializer.loads(job.data)  # type: ignore[no-untyped-call]
    assert data == ["nurture.jobs.tasks.deliver_batch", None, [3], {}]
    assert json.loads(stored[b"result_ttl"]) == 0
    assert json.loads(stored[b"failure_ttl"]) == FAILURE_TTL < 7 * 86_400


def test_a_batch_that_waits_already_is_not_enqueued_again(queued: Settings) -> None:
    wake = wake_by(queued)
    wake([1, 2])
    wake([2, 3])
    assert batches(queued) == [1, 2, 3]


def test_waking_without_redis_is_told_in_the_log_alone(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    wake_by(replace(settings, redis_url="redis://127.0.0.1:9"))([1])
    assert "could not be woken for 1 batches" in caplog.text
