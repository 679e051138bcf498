"""Pictures of what the topics of the library are about, drawn in layers that move at different speeds."""

from collections.abc import Callable

from .abstract import abstract, celebration
from .air import hills_at_sunset, sky, space, starry_night
from .city import rain, skyline
from .elements import fire, underwater
from .fields import desert, fields, flowers, wind_farm
from .forest import autumn_forest, forest
from .industry import factories, train
from .layers import Layer
from .lighthouse import lighthouse
from .mountains import mountains, river, snow
from .near import cup, road
from .people import couple, family, runners, walkers, yoga
from .screens import charts, network
from .sea import beach_sunset, sea
from .stage import concert, fashion_show
from .view import View

Scene = Callable[[View], list[Layer]]

# Topics with several scenes show them in turn.
SCENES: dict[str, tuple[Scene, ...]] = {
    "ocean": (sea,),
    "city": (skyline,),
    "forest": (forest,),
    "mountain": (mountains,),
    "coffee": (cup,),
    "people": (walkers, family),
    "technology": (network, charts),
    "space": (space,),
    "rain": (rain,),
    "sunset": (beach_sunset, hills_at_sunset),
    "snow": (snow,),
    "river": (river,),
    "desert": (desert,),
    "flower": (flowers,),
    "animal": (underwater, flowers),
    "food": (cup, fields),
    "business": (charts,),
    "fitness": (runners,),
    "music": (concert,),
    "car": (road,),
    "travel": (road, sea),
    "family": (family,),
    "education": (walkers, network),
    "science": (network,),
    "fire": (fire,),
    "sky": (sky,),
    "farm": (fields,),
    "industry": (factories,),
    "fashion": (fashion_show,),
    "party": (celebration,),
    "wedding": (couple,),
    "energy": (wind_farm,),
    "underwater": (underwater,),
    "autumn": (autumn_forest,),
    "tea": (cup,),
    "yoga": (yoga,),
    "art": (abstract,),
    "night": (starry_night, skyline),
    "train": (train,),
    "abstract": (abstract,),
    "lighthouse": (lighthouse,),
}
