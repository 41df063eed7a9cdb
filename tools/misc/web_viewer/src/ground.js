// The floor: squares of a metre that fade into the background, with the shadows of the people.

import {
  CanvasTexture,
  Color,
  Mesh,
  MeshLambertMaterial,
  PlaneGeometry,
  RepeatWrapping,
  SRGBColorSpace,
} from 'three';

const SIDE = 160; // m
const TILE = 2; // m that the texture covers
const PIXELS = 512;

export class Ground extends Mesh {
  constructor(height) {
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = PIXELS;
    const texture = new CanvasTexture(canvas);
    texture.colorSpace = SRGBColorSpace;
    texture.wrapS = texture.wrapT = RepeatWrapping;
    texture.repeat.set(SIDE / TILE, SIDE / TILE);
    texture.anisotropy = 8;
    super(new PlaneGeometry(SIDE, SIDE), new MeshLambertMaterial({ map: texture }));
    this.canvas = canvas;
    this.rotation.x = -Math.PI / 2;
    this.position.y = height;
    this.receiveShadow = true;
  }

  paint({ square, other, line }) {
    const pen = this.canvas.getContext('2d');
    const half = PIXELS / 2;
    for (const [column, row] of [[0, 0], [0, 1], [1, 0], [1, 1]]) {
      pen.fillStyle = (column + row) % 2 ? square : other;
      pen.fillRect(column * half, row * half, half, half);
    }
    pen.strokeStyle = line;
    pen.lineWidth = 4;
    for (const at of [0, half, PIXELS]) {
      pen.beginPath();
      pen.moveTo(at, 0);
      pen.lineTo(at, PIXELS);
      pen.moveTo(0, at);
      pen.lineTo(PIXELS, at);
      pen.stroke();
    }
    this.material.map.needsUpdate = true;
    this.material.color = new Color(0xffffff);
  }
}
