"""Local times survive writing and reading, whatever the clocks did; each text is read by itself."""

from __future__ import annotations

import datetime as dt
from typing import Literal
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from privacy.schema.columns import Datetime
from privacy.schema.times import Written, instant

HOUR = dt.timedelta(hours=1)
CHANGES = {
    "America/Chicago": [dt.datetime(2024, 3, 10, 2), dt.datetime(2024, 11, 3, 1)],
    "Europe/Dublin": [dt.datetime(2024, 3, 31, 1), dt.datetime(2024, 10, 27, 1)],
    "Australia/Lord_Howe": [dt.datetime(2024, 10, 6, 2), dt.datetime(2024, 4, 7, 1, 30)],
    "America/Sao_Paulo": [dt.datetime(2018, 11, 4), dt.datetime(2018, 2, 17, 23)],
    "Pacific/Apia": [dt.datetime(2011, 12, 30)],
    "Asia/Kathmandu": [dt.datetime(1986, 1, 1)],
    "UTC": [dt.datetime(2024, 1, 1)],
}
"""Local times at which clocks go forward or back."""

FORMATS = [None, "%d.%m.%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S %z", "%y%m%d%H%M%S", "%c%z"]


@st.composite
def clocks(draw: st.DrawFn) -> tuple[str, dt.datetime]:
    """A zone, and a local time near a change of its clocks or anywhere."""
    zone = draw(st.sampled_from(sorted(CHANGES)))
    near = st.builds(
        lambda change, seconds: change + dt.timedelta(seconds=seconds),
        st.sampled_from(CHANGES[zone]),
        st.integers(-10_000, 100_000),
    )
    anywhere = st.datetimes(dt.datetime(1928, 1, 1), dt.datetime(2026, 12, 31))
    return zone, draw(near | anywhere).replace(microsecond=0)


def exists(time: dt.datetime, zone: str) -> bool:
    there = time.replace(tzinfo=ZoneInfo(zone)).astimezone(dt.UTC).astimezone(ZoneInfo(zone))
    return there.replace(tzinfo=None) == time


@given(clocks(), st.sampled_from(FORMATS))
def test_a_local_time_is_read_back_as_it_was(
    drawn: tuple[str, dt.datetime], form: str | None
) -> None:
    zone, time = drawn
    written = Written(form, "second", zone, 2027 if form and "%y" in form else None)
    text = written.text(time)
    (again, left_out) = written.read(text)
    assert again is not None
    assert not left_out
    assert (again == time) == exists(time, zone)
    assert exists(again, zone)
    assert again >= time
    assert written.text(again) == text
    assert written.pattern == (form or "%Y-%m-%dT%H:%M:%S%z")


@given(clocks())
def test_the_offset_is_that_of_the_zone_then(drawn: tuple[str, dt.datetime]) -> None:
    zone, time = drawn
    read = dt.datetime.fromisoformat(Written(None, "second", zone).text(time))
    at = ZoneInfo(zone)
    assert read.astimezone(at).utcoffset() == read.utcoffset()
    earliest = min(time.replace(tzinfo=at, fold=f).astimezone(dt.UTC) for f in (0, 1))
    if exists(time, zone):
        assert read == earliest  # of a time that there was twice the first
    series = Written(None, "second", zone).instants(pd.Series([pd.NaT, time]))
    assert pd.isna(series[0])
    assert series[1] == read
    assert str(series.dt.tz) == zone


def test_clocks_that_change() -> None:
    written = Written(None, "second", "America/Chicago")
    times = pd.Series(
        pd.to_datetime(["2024-03-10 02:30", None, "2024-11-03 01:30", "2024-07-01 09:30"])
    )
    assert written.write(times).tolist() == [
        "2024-03-10T03:30:00-05:00", None, "2024-11-03T01:30:00-05:00", "2024-07-01T09:30:00-05:00",
    ]  # fmt: skip
    assert written.read("2024-07-01T23:30:00Z") == (dt.datetime(2024, 7, 1, 18, 30), False)
    assert written.read("2024-11-03T01:30:00-06:00")[0] == dt.datetime(2024, 11, 3, 1, 30)
    assert written.read("2024-03-10 02:30")[0] == dt.datetime(2024, 3, 10, 3, 30)


@given(clocks(), st.integers(0, 8 * 3600), st.sampled_from(["day", "second"]))
def test_no_time_is_written_beyond_the_upper_bound(
    drawn: tuple[str, dt.datetime], before: int, resolution: Literal["day", "second"]
) -> None:
    zone, high = drawn
    said = {"bounds": [high - dt.timedelta(days=30), high], "resolution": resolution, "zone": zone}
    if Written(None, resolution, zone).overruns(high):
        with pytest.raises(ValidationError, match="go forward"):
            column(**said)
        assert not all(exists(high - k * HOUR / 6, zone) for k in range(300))
        return
    written = column(**said).written
    again = written.again(written.floor(high - dt.timedelta(seconds=before)))
    assert again is not None
    assert again <= high


OFFSETS = st.timedeltas(-14 * HOUR, 14 * HOUR).map(
    lambda d: dt.timezone(dt.timedelta(minutes=d // dt.timedelta(minutes=1)))
)


@given(st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1)), OFFSETS)
def test_without_a_zone_the_hour_and_the_day_are_those_that_stand_there(
    time: dt.datetime, offset: dt.timezone
) -> None:
    whole = time.replace(microsecond=0)
    for text in (time.replace(tzinfo=offset).isoformat(" "), time.isoformat() + "Z"):
        assert Written(None, "second").read(text) == (whole, True)
    spaced = Written("%d/%m/%Y %H:%M:%S %z", "second")
    assert spaced.read(whole.replace(tzinfo=offset).strftime("%d/%m/%Y %H:%M:%S %z")) == (
        whole,
        True,
    )
    assert spaced.read(spaced.text(whole)) == (whole, False)


@given(clocks(), st.sampled_from(sorted(CHANGES)))
def test_no_zone_of_a_schema_moves_what_people_are_known_by(
    drawn: tuple[str, dt.datetime], other: str
) -> None:
    """``instant`` is what sketches of people are made of: it takes no schema's word but the format."""
    text = Written(None, "second", drawn[0]).text(drawn[1])
    at = dt.datetime.fromisoformat(text).astimezone(dt.UTC).replace(tzinfo=None)
    assert instant(text, None).item() == at
    moved = Written(None, "second", other).read(text)[0]
    assert moved == dt.datetime.fromisoformat(text).astimezone(ZoneInfo(other)).replace(tzinfo=None)


@pytest.mark.parametrize(
    ("text", "form", "day"),
    [
        ("20180614", "%Y%m%d", "2018-06-14"),
        ("20180614.0", "%Y%m%d", "2018-06-14"),
        ("2018.0", "%Y", "2018-01-01"),
        ("1012020.0", "%d%m%Y", "2020-01-01"),
        ("1012020", "%d%m%Y", "2020-01-01"),
        ("2.0180614123e+13", "%Y%m%d%H%M%S", "2018-06-14 12:30:00"),
        ("20180614.5", "%Y%m%d", None),
        ("20180614.0.0", "%Y%m%d", None),
        ("20181399.0", "%Y%m%d", None),
        ("2018614", "%Y%m%d", None),  # of the 14th of June, or of 1 January to 11 January
        ("18", "%Y", None),
        ("-20180614", "%Y%m%d", None),
        ("14/06/2018.0", "%d/%m/%Y", None),
        ("2018-06-14 07:08:09.123456", None, "2018-06-14 07:08:09"),
        ("2018-06-14T07:08", None, "2018-06-14 07:08:00"),
        ("14.06.2018 7:08", "%d.%m.%Y %H:%M", "2018-06-14 07:08:00"),
        ("2018-06-14 07:08:09.5", "%Y-%m-%d %H:%M:%S.%f", "2018-06-14 07:08:09"),
        ("100%z14062018", "100%%z%d%m%Y", "2018-06-14"),
    ],
)
def test_texts_of_a_format(text: str, form: str | None, day: str | None) -> None:
    found, _ = Written(form, "second").read(text)
    assert found == (day and dt.datetime.fromisoformat(day))


@given(st.integers(1950, 2100), st.data())
def test_two_digit_years_are_the_latest_not_after_the_pivot(
    pivot: int, data: st.DataObject
) -> None:
    first, last = dt.date(pivot - 99, 1, 1), dt.date(pivot, 12, 31)
    day = data.draw(st.dates(first, last))
    written = Written("%d/%m/%y", "day", None, pivot)
    time = dt.datetime.combine(day, dt.time())
    assert written.again(time) == time
    assert written.text(time) == day.strftime("%d/%m/%y")


def column(**said: object) -> Datetime:
    return Datetime.model_validate(
        {"kind": "datetime", "bounds": ["1930-06-15", "2020-12-31"]} | said
    )


REFUSED = {
    "no such zone": ({"zone": "America/Gotham"}, "'America/Gotham' is no time zone"),
    "the machine's own": ({"zone": "localtime"}, "'localtime' is no time zone"),
    "a way out": ({"zone": "../passwd"}, "no time zone"),
    "no pivot": ({"format": "%d/%m/%y"}, "two-digit years need a pivot"),
    "nor one for a date of the locale": ({"format": "%x"}, "two-digit years need a pivot"),
    "nothing to turn about": ({"pivot": 2026}, "only two-digit years"),
    "four digits": ({"pivot": 2026, "format": "%d/%m/%Y"}, "only two-digit years"),
    "an escaped one": ({"pivot": 2026, "format": "%Y%%y"}, "only two-digit years"),
    "a bound after the pivot": ({"pivot": 2019, "format": "%y%m%d"}, "are 1920 to 2019"),
    "a bound too early": ({"pivot": 2030, "format": "%y%m%d"}, "are 1931 to 2030"),
    "a format that nobody reads": ({"format": "%Y-%m-%d %Q"}, "cannot be read back"),
    "the name of a zone": ({"format": "%Y-%m-%d %Z"}, "cannot be read back"),
    "no day": ({"format": "%Y"}, "the lower one is 1930-01-01"),
    "an hour that is left out": (
        {"zone": "America/Chicago", "bounds": ["2024-01-01", "2024-03-10T02:30:00"], "resolution": "second"},
        "clocks of America/Chicago go forward",
    ),
    "what the hour becomes": (
        {"zone": "America/Chicago", "bounds": ["2024-01-01", "2024-03-10T03:30:00"], "resolution": "second"},
        "clocks of America/Chicago go forward",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("said", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_written_back_is_refused(said: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        column(**said)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "said",
    [
        {"zone": "America/Chicago", "resolution": "second"},
        {"pivot": 2026, "format": "%d/%m/%y"},
        {"format": "%Y", "bounds": ["1930-01-01", "2020-12-31"]},
        {"format": "%Y-%m-%dT%H:%M:%S%z", "resolution": "second"},
        {"format": "%Y-%m-%d %H:%M", "resolution": "day"},
        {
            "zone": "America/Sao_Paulo",
            "bounds": ["2018-01-01", "2018-11-05"],
            "resolution": "second",
        },
    ],
)
def test_what_can_is_taken(said: dict[str, object]) -> None:
    assert Datetime.model_validate(column(**said).model_dump(mode="json")) == column(**said)
