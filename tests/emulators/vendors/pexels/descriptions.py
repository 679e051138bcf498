"""Photos and videos as Pexels' JSON, with absolute links to their files. `tags` are empty, as at the vendor."""

from typing import Any

from ...vendor import Call
from .catalogue import Medium, Photo, Video

SITE = "https://www.pexels.com"
_FILES = "/pexels/_files"
_PICTURE_SIZES = {
    "original": "",
    "large2x": "?auto=compress&cs=tinysrgb&dpr=2&h=650&w=940",
    "large": "?auto=compress&cs=tinysrgb&h=650&w=940",
    "medium": "?auto=compress&cs=tinysrgb&h=350",
    "small": "?auto=compress&cs=tinysrgb&h=130",
    "portrait": "?auto=compress&cs=tinysrgb&fit=crop&h=1200&w=800",
    "landscape": "?auto=compress&cs=tinysrgb&fit=crop&h=627&w=1200",
    "tiny": "?auto=compress&cs=tinysrgb&dpr=1&fit=crop&h=200&w=280",
}


def describe(call: Call, medium: Medium) -> dict[str, Any]:
    """Return the object of a photo or a video."""
    if isinstance(medium, Video):
        return describe_video(call, medium)
    if isinstance(medium, Photo):
        return describe_photo(call, medium)
    raise TypeError(f"{medium.slug} is neither a photo nor a video")


def describe_photo(call: Call, photo: Photo) -> dict[str, Any]:
    """Return the object of a photo."""
    author_id, author, handle = photo.author
    original = f"{call.url_of(_FILES)}/photos/{photo.id}/pexels-photo-{photo.id}.jpeg"
    return {
        "id": photo.id,
        "width": photo.width,
        "height": photo.height,
        "url": f"{SITE}/photo/{photo.slug}/",
        "photographer": author,
        "photographer_url": f"{SITE}/@{handle}",
        "photographer_id": author_id,
        "avg_color": photo.palette[1].upper(),
        "src": {name: original + query for name, query in _PICTURE_SIZES.items()},
        "liked": False,
        "alt": f"Emulated photo of the topic {photo.topic}",
    }


def describe_video(call: Call, video: Video) -> dict[str, Any]:
    """Return the object of a video."""
    author_id, author, handle = video.author
    pictures = f"{call.url_of(_FILES)}/videos/{video.id}"
    return {
        "id": video.id,
        "width": video.width,
        "height": video.height,
        "duration": video.seconds,
        "full_res": None,
        "tags": [],
        "url": f"{SITE}/video/{video.slug}/",
        "image": f"{pictures}/free-video-{video.id}.jpg?auto=compress&cs=tinysrgb&fit=crop&h=630&w=1200",
        "avg_color": None,
        "user": {"id": author_id, "name": author, "url": f"{SITE}/@{handle}"},
        "video_files": [
            {
                "id": rendition.id,
                "quality": rendition.quality,
                "file_type": "video/mp4",
                "width": rendition.width,
                "height": rendition.height,
                "fps": float(video.fps),
                "link": f"{call.url_of(_FILES)}/video-files/{video.id}/{video.file_name(rendition)}",
            }
            for rendition in video.renditions
        ],
        "video_pictures": [
            {"id": video.id * 100 + nr, "nr": nr, "picture": f"{pictures}/pictures/preview-{nr}.jpg"} for nr in range(3)
        ],
    }
