import { choice, element, listPeople, showCamera } from './panel.js';
import { People } from './people.js';
import { Pictures } from './pictures.js';
import { readData, unpackGlb } from './scene_data.js';
import { Stage } from './stage.js';
import { Timeline } from './timeline.js';

const KEYS = {
  ArrowLeft: [-1, 0, 1],
  ArrowRight: [1, 0, 1],
  ArrowUp: [0, 1, 1],
  ArrowDown: [0, -1, 1],
  '+': [0, 0, 0.88],
  '=': [0, 0, 0.88],
  '-': [0, 0, 1.14],
};

function say(text) {
  element('notice').textContent = text;
  element('notice').hidden = false;
}

function setUpTheme(changed) {
  const dark = window.matchMedia('(prefers-color-scheme: dark)');
  const apply = (name) => {
    document.documentElement.dataset.theme = name;
    element('theme').setAttribute('aria-pressed', String(name === 'dark'));
    changed(name);
  };
  const current = () => document.documentElement.dataset.theme;
  element('theme').addEventListener('click', () => apply(current() === 'dark' ? 'light' : 'dark'));
  dark.addEventListener('change', () => apply(dark.matches ? 'dark' : 'light'));
  apply(dark.matches ? 'dark' : 'light');
}

function setUpKeys(stage, timeline) {
  const canvas = element('canvas');
  canvas.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === ' ') timeline.toggle();
    else if (event.key === 'Home' && stage.view === 'free') stage.reset();
    else if (KEYS[event.key] && stage.view === 'free') stage.nudge(...KEYS[event.key]);
    else return;
    event.preventDefault();
  });
}

function setUpToggles(stage) {
  for (const name of ['frustum', 'ground']) {
    element(`show-${name}`).addEventListener('change', (event) => {
      stage.shown[name] = event.target.checked;
      stage.show(stage.frame);
    });
  }
  element('on-floor').addEventListener('change', (event) => {
    stage.onFloor = event.target.checked;
    stage.show(stage.frame);
  });
  element('reset').addEventListener('click', () => stage.reset());
  if (!stage.ground) {
    for (const name of ['show-ground', 'on-floor']) element(name).closest('label').hidden = true;
  }
}

function offerModel(buffer) {
  const link = element('save');
  link.href = URL.createObjectURL(new Blob([buffer], { type: 'model/gltf-binary' }));
  link.hidden = false;
}

async function start() {
  const data = readData();
  const pictures = new Pictures(data.pictures);
  const parts = { stage: null, listed: () => {} };
  const timeline = new Timeline(data.cameras.length, data.fps, (frame) => {
    showCamera(data.cameras[frame]);
    element('frame-name').textContent = data.frameNames[frame];
    parts.listed(frame);
    const photo = pictures.show(frame);
    parts.stage?.setPhoto(photo);
    parts.stage?.show(frame);
  });
  choice('picture-kind', (kind) => {
    pictures.kind = kind;
    pictures.show(timeline.frame);
  });
  if (data.glb) {
    const buffer = await unpackGlb(data.glb);
    offerModel(buffer);
    const people = await People.load(buffer, data.people, data.fps);
    try {
      parts.stage = new Stage(element('canvas'), people, data);
    } catch (error) {
      say('The scene needs WebGL 2, which this browser does not offer.');
      console.warn(error);
    }
    parts.listed = listPeople(people, (number, wanted) => {
      people.list[number].wanted = wanted;
      parts.stage?.show(timeline.frame);
    });
    if (parts.stage) {
      choice('view', (view) => {
        parts.stage.setView(view);
        element('free-tools').hidden = view !== 'free';
      });
      setUpToggles(parts.stage);
      setUpKeys(parts.stage, timeline);
    }
  } else {
    say('Nobody was found.');
  }
  element('scene').dataset.empty = String(!parts.stage);
  setUpTheme((name) => parts.stage?.setTheme(name));
  timeline.go(0);
  // For scripts, and for the tests of this page: what is shown.
  window.whmrState = () => ({
    frame: timeline.frame,
    playing: timeline.playing,
    view: parts.stage?.view,
    people: (parts.stage?.people.list ?? []).map((person) => ({
      name: person.facts.name,
      visible: person.mesh.visible,
      joints: person.joints(),
    })),
  });
}

start();
