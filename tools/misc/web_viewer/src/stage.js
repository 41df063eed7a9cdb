// The scene and who looks at it: a free viewer who orbits, or the photo's own camera.

import {
  Color,
  DirectionalLight,
  Fog,
  HemisphereLight,
  PCFShadowMap,
  PerspectiveCamera,
  Scene,
  Sphere,
  Spherical,
  Vector3,
  WebGLRenderer,
} from 'three';
import { OrbitControls } from 'three/addons/controls/OrbitControls.js';
import { Frustum } from './frustum.js';
import { Ground } from './ground.js';

const FREE_FOV = 35; // degrees
const STEP = Math.PI / 24; // of an arrow key
const THEMES = {
  light: {
    background: '#eef0f3', square: '#dfe3e8', other: '#d7dce2', line: '#bcc3cc', frustum: '#3b5bdb',
  },
  dark: {
    background: '#16181d', square: '#262a31', other: '#2c3139', line: '#434a55', frustum: '#91a7ff',
  },
};

export class Stage {
  constructor(canvas, people, data) {
    this.people = people;
    this.data = data;
    this.view = 'free';
    this.frame = 0;
    this.onFloor = false;
    this.shown = { frustum: true, ground: true };
    this.renderer = new WebGLRenderer({ canvas, antialias: true, preserveDrawingBuffer: true });
    this.renderer.setPixelRatio(Math.min(window.devicePixelRatio, 2));
    this.renderer.shadowMap.enabled = true;
    this.renderer.shadowMap.type = PCFShadowMap;
    this.renderer.shadowMap.autoUpdate = false; // only people who move cast other shadows
    this.scene = new Scene();
    this.scene.fog = new Fog(0xffffff, 1, 2);
    this.scene.add(people.scene);
    people.show(0, { asSeen: false, floor: null });

    this.bounds = this.measure();
    this.viewer = new PerspectiveCamera(FREE_FOV, 1, 0.02, 400);
    this.controls = new OrbitControls(this.viewer, canvas);
    this.controls.enableDamping = false;
    this.controls.maxDistance = 60;
    this.controls.addEventListener('change', () => this.draw());
    if (data.space === 'world') {
      this.ground = new Ground(data.ground);
      this.scene.add(this.ground);
      this.controls.maxPolarAngle = 0.52 * Math.PI;
    }
    this.frustum = new Frustum(Math.min(0.9, Math.max(0.25, 0.22 * this.bounds.distance)));
    people.camera.add(this.frustum);
    this.addLights();
    new ResizeObserver(() => this.resize()).observe(canvas.parentElement);
    this.reset();
  }

  // A ball around the people of the whole shot, and how far away they are.
  measure() {
    const places = [];
    for (const person of this.people.list) {
      for (const place of person.facts.places) places.push(new Vector3(...place));
    }
    const ball = new Sphere().setFromPoints(places);
    return { center: ball.center, radius: ball.radius + 1.0, distance: ball.center.length() };
  }

  addLights() {
    const { center, radius } = this.bounds;
    this.scene.add(new HemisphereLight(0xffffff, 0xa8a39c, 1.9));
    const sun = new DirectionalLight(0xfff4e6, 2.1);
    sun.position.copy(center).add(new Vector3(0.55, 1.35, 0.8).multiplyScalar(2 * radius));
    sun.target.position.copy(center);
    sun.castShadow = true;
    sun.shadow.mapSize.set(1024, 1024);
    sun.shadow.radius = 3;
    sun.shadow.bias = -0.0005;
    sun.shadow.normalBias = 0.02;
    const reach = 1.6 * radius;
    Object.assign(sun.shadow.camera, {
      left: -reach, right: reach, top: reach, bottom: -reach, near: 0.1, far: 8 * radius,
    });
    this.scene.add(sun, sun.target);
  }

  setTheme(name) {
    const theme = THEMES[name];
    this.scene.background = new Color(theme.background);
    this.scene.fog.color = new Color(theme.background);
    this.ground?.paint(theme);
    this.frustum.lines.material.color = new Color(theme.frustum);
    this.draw();
  }

  // From behind the photo's camera and to its right, so that camera and people are both seen.
  reset() {
    const { center, radius, distance } = this.bounds;
    const ahead = new Vector3(center.x, 0, center.z).normalize();
    const right = new Vector3(-ahead.z, 0, ahead.x);
    const middle = center.clone().multiplyScalar(0.72);
    const reach = Math.max(radius, 0.55 * distance) / Math.tan((FREE_FOV / 360) * Math.PI);
    this.viewer.position
      .copy(middle)
      .addScaledVector(ahead, -0.62 * reach)
      .addScaledVector(right, 0.9 * reach)
      .add(new Vector3(0, 0.38 * reach, 0));
    this.controls.target.copy(middle);
    this.scene.fog.near = 2.2 * reach;
    this.scene.fog.far = Math.max(22, 5.5 * reach);
    this.resize();
    this.controls.update();
  }

  setView(view) {
    if (view === this.view) return;
    if (view === 'photo') {
      this.kept = { position: this.viewer.position.clone(), target: this.controls.target.clone() };
    } else {
      this.viewer.position.copy(this.kept.position);
      this.controls.target.copy(this.kept.target);
    }
    this.view = view;
    this.controls.enabled = view === 'free';
    this.show(this.frame);
    this.resize();
    if (view === 'free') this.controls.update();
  }

  setPhoto(image) {
    this.frustum.setPhoto(image, () => this.draw());
    this.draw();
  }

  show(frame) {
    this.frame = frame;
    const photo = this.view === 'photo';
    const floor = this.onFloor && !photo ? this.data.ground : null;
    this.people.show(frame, { asSeen: photo, floor });
    this.renderer.shadowMap.needsUpdate = true;
    const { focal, width, height } = this.data.cameras[frame];
    this.lens = { slope: height / 2 / focal, aspect: width / height };
    // The photo's camera sees its picture behind everybody.
    this.frustum.depth = photo ? this.bounds.distance + 3 * this.bounds.radius : this.frustum.near;
    this.frustum.setLens(this.lens.slope, this.lens.aspect);
    this.frustum.visible = photo || this.shown.frustum;
    this.frustum.lines.visible = !photo;
    if (this.ground) this.ground.visible = !photo && this.shown.ground;
    this.draw();
  }

  // Arrow keys turn, + and - come nearer or go away.
  nudge(sideways, upwards, zoom) {
    const offset = this.viewer.position.clone().sub(this.controls.target);
    const place = new Spherical().setFromVector3(offset);
    place.theta += STEP * sideways;
    place.phi = Math.min(
      this.controls.maxPolarAngle,
      Math.max(0.05, place.phi - STEP * upwards),
    );
    place.radius = Math.min(this.controls.maxDistance, Math.max(0.3, place.radius * zoom));
    this.viewer.position.setFromSpherical(place).add(this.controls.target);
    this.controls.update();
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.renderer.domElement.parentElement;
    if (!width || !height) return;
    this.renderer.setSize(width, height, false);
    this.viewer.aspect = width / height;
    this.draw();
  }

  draw() {
    if (this.drawing) return;
    this.drawing = requestAnimationFrame(() => {
      this.drawing = 0;
      this.aim();
      this.renderer.render(this.scene, this.viewer);
    });
  }

  aim() {
    if (this.view === 'photo') {
      const { slope, aspect } = this.lens;
      const fit = slope * Math.max(1, aspect / this.viewer.aspect); // the whole photo is seen
      this.viewer.position.set(0, 0, 0);
      this.people.camera.getWorldQuaternion(this.viewer.quaternion);
      this.viewer.fov = (2 * Math.atan(fit) * 180) / Math.PI;
    } else {
      this.viewer.fov = FREE_FOV;
    }
    this.viewer.updateProjectionMatrix();
  }
}
