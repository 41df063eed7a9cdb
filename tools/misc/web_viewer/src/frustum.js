// The photo's camera: a pyramid of lines with the photo as its image plane.

import {
  BufferGeometry,
  DoubleSide,
  Float32BufferAttribute,
  Group,
  LineBasicMaterial,
  LineSegments,
  Mesh,
  MeshBasicMaterial,
  PlaneGeometry,
  SRGBColorSpace,
  Texture,
} from 'three';

const EDGES = [0, 1, 0, 2, 0, 3, 0, 4, 1, 2, 2, 3, 3, 4, 4, 1, 5, 6, 6, 7, 7, 5];

export class Frustum extends Group {
  constructor(depth) {
    super();
    this.near = this.depth = depth; // m from the camera to its image plane
    this.lines = new LineSegments(new BufferGeometry(), new LineBasicMaterial());
    this.lines.geometry.setIndex(EDGES);
    const surface = new MeshBasicMaterial({ side: DoubleSide, toneMapped: false, fog: false });
    this.plane = new Mesh(new PlaneGeometry(1, 1), surface);
    this.plane.visible = false;
    this.add(this.lines, this.plane);
    this.textures = new Map();
  }

  // A lens with tan(vfov / 2) = `slope` and pictures of width / height = `aspect`.
  setLens(slope, aspect) {
    const y = this.depth * slope;
    const x = y * aspect;
    const z = -this.depth;
    const tip = [-0.25 * x, 1.12 * y, z, 0.25 * x, 1.12 * y, z, 0, 1.45 * y, z]; // says what is up
    const corners = [0, 0, 0, -x, -y, z, x, -y, z, x, y, z, -x, y, z, ...tip];
    this.lines.geometry.setAttribute('position', new Float32BufferAttribute(corners, 3));
    this.lines.geometry.computeBoundingSphere();
    this.plane.scale.set(2 * x, 2 * y, 1);
    this.plane.position.z = z;
  }

  setPhoto(image, redraw) {
    this.plane.visible = Boolean(image);
    if (!image) return;
    if (!this.textures.has(image)) {
      const texture = new Texture(image);
      texture.colorSpace = SRGBColorSpace;
      texture.anisotropy = 4;
      this.textures.set(image, texture);
      image.decode().then(() => {
        texture.needsUpdate = true;
        redraw();
      });
    }
    this.plane.material.map = this.textures.get(image);
    this.plane.material.needsUpdate = true;
  }
}
