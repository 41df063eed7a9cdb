// The people of the glb: skinned meshes that a frame number poses.

import { AnimationMixer, Color, Quaternion, SRGBColorSpace, Vector3 } from 'three';
import { GLTFLoader } from 'three/addons/loaders/GLTFLoader.js';

class Person {
  constructor(mesh, facts) {
    this.mesh = mesh;
    this.facts = facts;
    this.wanted = true;
    this.bones = mesh.skeleton.bones;
    this.root = this.bones[0].parent;
    // Row of the person's own arrays for each frame of the shot.
    this.rows = new Map(facts.frames.map((frame, row) => [frame, row]));
    mesh.castShadow = true;
    mesh.frustumCulled = false; // the bounds of a skinned mesh are those of its rest pose
    mesh.material.color = new Color().setRGB(...facts.color, SRGBColorSpace);
    mesh.material.roughness = 0.75;
  }

  row(frame) {
    return this.rows.get(frame);
  }

  joints() {
    return this.bones.map((bone) => bone.getWorldPosition(new Vector3()).toArray());
  }
}

export class People {
  static async load(buffer, facts, fps) {
    const gltf = await new GLTFLoader().parseAsync(buffer, '');
    return new People(gltf, facts, fps);
  }

  constructor(gltf, facts, fps) {
    this.scene = gltf.scene;
    this.camera = gltf.cameras[0];
    this.fps = fps;
    const meshes = [];
    gltf.scene.traverse((node) => node.isSkinnedMesh && meshes.push(node));
    const named = new Map(meshes.map((mesh) => [mesh.name, mesh]));
    this.list = facts.map((person) => new Person(named.get(`${person.name}_mesh`), person));
    if (gltf.animations.length) {
      this.mixer = new AnimationMixer(gltf.scene);
      this.action = this.mixer.clipAction(gltf.animations[0]).play();
    }
  }

  // `asSeen`: turned as the camera saw them, before the world orientation was corrected.
  show(frame, { asSeen, floor }) {
    if (this.mixer) {
      this.action.time = Math.fround(frame / this.fps); // keys are float32
      this.mixer.update(0);
    }
    for (const person of this.list) {
      const row = person.row(frame);
      const { seen, world, lowest } = person.facts;
      person.mesh.visible = person.wanted && row !== undefined;
      if (row === undefined) continue;
      person.bones[0].quaternion.copy(new Quaternion(...(asSeen ? seen : world)[row]));
      person.root.position.y = floor === null ? 0 : floor - lowest[row];
    }
    this.scene.updateMatrixWorld(true);
  }

  // A person's pelvis, or null in a frame without that person.
  place(person, frame) {
    if (person.row(frame) === undefined) return null;
    return person.bones[0].getWorldPosition(new Vector3());
  }
}
