"""The files behind the links of photos and videos."""

import re

from ...media import media_response
from ...vendor import Call, Refusal, Response
from .catalogue import PHOTOS, VIDEOS, Medium
from .files import read_picture, read_video
from .http import error
from .search import find_medium


def get_photo_file(call: Call) -> Response:
    """Return the JPEG of a photo."""
    photo = find_medium(PHOTOS, call)
    if call.params["name"] != f"pexels-photo-{photo.id}.jpeg":
        raise Refusal(error(404))
    return _picture_response(call, photo)


def get_video_picture(call: Call) -> Response:
    """Return a preview picture of a video."""
    video = find_medium(VIDEOS, call)
    if not re.fullmatch(rf"free-video-{video.id}\.jpg|pictures/preview-[0-2]\.jpg", call.params["name"]):
        raise Refusal(error(404))
    return _picture_response(call, video)


def _picture_response(call: Call, medium: Medium) -> Response:
    """Return a JPEG of the size that `w`, `h`, `dpr` and `fit=crop` define, never larger than the original."""
    ratio = max(1, call.query_number("dpr", 1))
    width, height = call.query_number("w", 0) * ratio, call.query_number("h", 0) * ratio
    if call.query_value("fit") == "crop" and width and height:
        size = min(width, medium.width), min(height, medium.height)
    else:
        scale = min(1.0, width / medium.width if width else 1.0, height / medium.height if height else 1.0)
        size = max(1, round(medium.width * scale)), max(1, round(medium.height * scale))
    return media_response(call, read_picture(medium, width=size[0], height=size[1]), content_type="image/jpeg")


def get_video_file(call: Call) -> Response:
    """Return the MP4 of one rendition of a video."""
    video = find_medium(VIDEOS, call)
    files = {video.file_name(rendition): rendition for rendition in video.renditions}
    rendition = files.get(call.params["name"])
    if rendition is None:
        raise Refusal(error(404))
    return media_response(call, read_video(video, rendition), content_type="video/mp4")
