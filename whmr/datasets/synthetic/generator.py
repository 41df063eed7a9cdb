"""From an index to an image with labels."""

from dataclasses import dataclass

import numpy as np

from whmr.datasets.synthetic.assets import (
    load_motion_clips,
    load_panorama,
    load_panorama_lights,
)
from whmr.datasets.synthetic.effects import apply_effects, encode_jpeg
from whmr.datasets.synthetic.labels import label_people
from whmr.datasets.synthetic.lighting import Surroundings, SurroundingsSampler
from whmr.datasets.synthetic.people import PeopleSampler, Person
from whmr.datasets.synthetic.placement import Layout, place_boxes, place_first, place_others
from whmr.datasets.synthetic.settings import SyntheticWorldSettings
from whmr.datasets.synthetic.splits import SPLITS
from whmr.rendering import SceneCamera, SceneImage, SceneMesh, render_scene

SHADOW_SIZE = 768
CLEAN_QUALITY = 95
MAX_ATTEMPTS = 100


@dataclass(frozen=True)
class SyntheticImage:
    """One image with the labels of its people.

    Shapes:
        jpeg: the bytes of the file.  columns: as in `label_people`.  scene: before the effects.
    """

    jpeg: bytes
    columns: dict[str, np.ndarray]
    scene: SceneImage
    layout: Layout


class SyntheticWorldGenerator:
    """Makes the images of a synthetic world, in any order, each from its index alone.

    Args:
        settings: What the world is made with.

    Raises:
        ImportError: If numba is not installed.
    """

    def __init__(self, settings: SyntheticWorldSettings) -> None:
        self.settings = settings
        source = SPLITS[settings.split]
        self._people = PeopleSampler(
            load_motion_clips(tuple(source.clips)),
            source.clips,
            clip_share=settings.clip_share,
            mixing=source.mixing,
        )
        lights = load_panorama_lights()
        self._surroundings = SurroundingsSampler(
            {name: load_panorama(name) for name in source.panoramas},
            {name: lights[name] for name in source.panoramas},
            panorama_share=settings.panorama_share,
        )

    def __call__(self, index: int) -> SyntheticImage:
        """Make one image.

        Args:
            index: Which image, from 0.

        Raises:
            RuntimeError: Nobody can be seen in any scene tried.

        Shapes: as in `SyntheticImage`.
        """
        for attempt in range(MAX_ATTEMPTS):
            result = self._try(index, attempt)
            if result is not None:
                return result
        raise RuntimeError(
            f'SyntheticWorld: nobody can be seen well enough in {MAX_ATTEMPTS} scenes for image '
            f'{index}; use a larger image_size than {self.settings.image_size} or fewer boxes'
        )

    def _try(self, index: int, attempt: int) -> SyntheticImage | None:
        """One scene; None where nobody can be seen well enough."""
        settings = self.settings
        stream = SPLITS[settings.split].stream
        seed = np.random.SeedSequence([stream, settings.seed, index, attempt])
        people_rng, place_rng, look_rng, effect_rng = map(np.random.default_rng, seed.spawn(4))
        layout = self._layout(people_rng, place_rng)
        surroundings = self._surroundings(layout.ground, look_rng)
        scene = self._render(layout, surroundings)
        columns = label_people(list(layout.people), layout.camera, scene)
        if not columns:
            return None
        image, quality = scene.rgb, CLEAN_QUALITY
        if settings.effects:
            image = apply_effects(image, effect_rng)
            quality = int(effect_rng.integers(60, 96))
        return SyntheticImage(encode_jpeg(image, quality), columns, scene, layout)

    def _layout(self, people_rng: np.random.Generator, rng: np.random.Generator) -> Layout:
        settings = self.settings
        number = 1 + int(rng.binomial(settings.max_people - 1, 0.25))
        first, *others = self._people(number, people_rng)
        camera, first, ground = place_first(
            first, settings.image_shape, rng, SPLITS[settings.split].cameras
        )
        people = place_others(first, others, camera, ground, settings.image_shape, rng)
        boxes = place_boxes(
            int(rng.integers(settings.max_boxes + 1)),
            people,
            camera,
            ground,
            settings.image_shape,
            rng,
        )
        return Layout(camera, tuple(people), tuple(boxes), ground)

    def _render(self, layout: Layout, surroundings: Surroundings) -> SceneImage:
        meshes = [self._mesh(person) for person in layout.people]
        return render_scene(
            [*meshes, *layout.boxes],
            SceneCamera(
                layout.camera.intrinsics,
                self.settings.image_shape,
                layout.camera.world2cam_rotmat,
            ),
            light=surroundings.light,
            ground=surroundings.ground,
            background=surroundings.background,
            supersample=self.settings.supersample,
            shadow_size=SHADOW_SIZE,
        )

    def _mesh(self, person: Person) -> SceneMesh:
        return SceneMesh(
            person.world_vertices,
            self._people.faces,
            (1.0, 1.0, 1.0),
            face_uv=self._people.atlas.face_uv,
            texture=person.texture,
        )
