// What the page carries: a JSON block, and in it the people as a gzipped glb in base64.

export function readData() {
  return JSON.parse(document.getElementById('data').textContent);
}

export async function unpackGlb(text) {
  const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Response(stream).arrayBuffer();
}
