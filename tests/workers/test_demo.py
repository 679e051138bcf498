"""`npm run demo`: the way of a video through all workers."""

from array import array
from pathlib import Path

import av
import pytest

import demo
from tests.platform import Platform


@pytest.mark.full
def test_demo_when_run_then_makes_a_video_with_speech(
    platform: Platform, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    caller = demo.Platform(platform.urls)

    path = demo.download(demo.make_video(caller, "electrons"), tmp_path)

    assert "render-service" in capsys.readouterr().out
    assert caller.cost > 0
    with av.open(path) as video:
        picture, sound = video.streams.video[0], video.streams.audio[0]
        assert (picture.width, picture.height) == (1280, 720)
        assert video.duration is not None
        assert video.duration / av.time_base >= 12
        resampler = av.AudioResampler(format="s16", layout="mono", rate=8000)
        heard = [
            max(array("h", bytes(part.planes[0])))
            for frame in video.decode(sound)
            for part in resampler.resample(frame)
        ]
    assert max(heard) > 5000  # of 32767: the soundtrack alone stays below


def test_demo_when_nothing_listens_then_says_so() -> None:
    with pytest.raises(demo.DemoError, match="is `npm start` running"):
        demo.Platform({"text-gen": "http://127.0.0.1:9"}).call("text-gen", "/health")
