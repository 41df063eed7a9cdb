// What stands beside the scene: pictures, people, camera. Texts are set as text, never as markup.

const SOURCES = { given: 'given', exif: 'EXIF', predicted: 'predicted', unknown: 'assumed' };

export function element(id) {
  return document.getElementById(id);
}

// Buttons of which one is pressed.
export function choice(id, chosen) {
  const buttons = [...element(id).querySelectorAll('button')];
  for (const button of buttons) {
    button.addEventListener('click', () => {
      for (const other of buttons) other.setAttribute('aria-pressed', String(other === button));
      chosen(button.value);
    });
  }
}

export function listPeople(people, toggled) {
  const template = element('person');
  const items = people.list.map((person, number) => {
    const item = template.content.firstElementChild.cloneNode(true);
    const [box] = item.getElementsByTagName('input');
    const color = `rgb(${person.facts.color.map((part) => Math.round(255 * part)).join()})`;
    item.querySelector('.swatch').style.backgroundColor = color;
    item.querySelector('.name').textContent = person.facts.label;
    box.addEventListener('change', () => toggled(number, box.checked));
    element('people').append(item);
    return item.querySelector('.facts');
  });
  return (frame) => {
    people.list.forEach((person, number) => {
      const row = person.row(frame);
      const { height, distance } = person.facts;
      items[number].textContent =
        row === undefined
          ? 'not in this frame'
          : `${height.toFixed(2)} m tall · ${distance[row].toFixed(1)} m away`;
    });
  };
}

export function showCamera(camera) {
  const pitch = degrees(Math.abs(camera.pitch ?? NaN)) + (camera.pitch < 0 ? ' up' : ' down');
  const numbers = {
    focal: [`${Math.round(camera.focal)} px`, camera.focalSource],
    vfov: [degrees(2 * Math.atan(camera.height / 2 / camera.focal)), camera.focalSource],
    pitch: [camera.pitch === null ? '–' : pitch, camera.rotationSource],
    roll: [camera.roll === null ? '–' : degrees(camera.roll), camera.rotationSource],
    size: [`${camera.width} × ${camera.height} px`, null],
  };
  for (const [name, [text, source]] of Object.entries(numbers)) {
    element(name).textContent = text;
    const note = element(`${name}-source`);
    if (note) note.textContent = text === '–' ? '' : SOURCES[source];
  }
}

function degrees(radians) {
  return `${((radians * 180) / Math.PI).toFixed(1)}°`;
}
