// The photo and the overlay of the frame that is shown, or of the nearest one that has pictures.

import { element } from './panel.js';

export class Pictures {
  constructor(list) {
    this.list = list;
    this.kind = 'overlay';
    this.images = new Map();
    element('photo').hidden = !list.length;
  }

  nearest(frame) {
    let best = null;
    for (const picture of this.list) {
      if (!best || Math.abs(picture.frame - frame) < Math.abs(best.frame - frame)) best = picture;
    }
    return best;
  }

  image(picture, kind) {
    const key = `${kind} ${picture.frame}`;
    if (!this.images.has(key)) {
      const image = new Image();
      image.src = picture[kind];
      image.alt = kind === 'photo' ? 'The photo' : 'The photo with the people drawn over it';
      this.images.set(key, image);
    }
    return this.images.get(key);
  }

  // Shows the frame's picture; returns its photo for the image plane.
  show(frame) {
    const picture = this.nearest(frame);
    if (!picture) return null;
    element('picture').replaceChildren(this.image(picture, this.kind));
    return this.image(picture, 'photo');
  }
}
