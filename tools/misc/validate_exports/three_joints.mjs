// What three.js shows of a .glb: joint positions in every frame, as JSON {NODE: [[x, y, z], ...]}.
// node three_joints.mjs FOLDER_OF_NODE_MODULES FILE FPS FRAMES
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [modules, file, fps, frames] = process.argv.slice(2);
const load = (name) => import(pathToFileURL(path.resolve(modules, 'three', name)));
globalThis.self = globalThis; // the loader expects a browser's name for it
const THREE = await load('build/three.module.js');
const { GLTFLoader } = await load('examples/jsm/loaders/GLTFLoader.js');

const bytes = fs.readFileSync(file);
const data = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
const gltf = await new GLTFLoader().parseAsync(data, '');
const mixer = new THREE.AnimationMixer(gltf.scene);
for (const clip of gltf.animations) {
  const action = mixer.clipAction(clip);
  action.setLoop(THREE.LoopOnce);
  action.clampWhenFinished = true;
  action.play();
}
const found = {};
for (let frame = 0; frame < Number(frames); frame++) {
  mixer.setTime(frame / Number(fps));
  gltf.scene.updateMatrixWorld(true);
  gltf.scene.traverse((thing) => {
    if (!thing.isSkinnedMesh) return;
    const joints = (found[thing.name] ??= []);
    joints.push(
      thing.skeleton.bones.map((bone) => bone.getWorldPosition(new THREE.Vector3()).toArray()),
    );
  });
}
console.log(JSON.stringify(found));
