"""Compiled inner loops of the picture renderer, imported when a picture is drawn (needs numba).

Colours are added up as linear light, taken as the square of display values (a gamma of 2: cheap,
and exact to invert). Inside the loops only plain arrays are handed on: reading an array out of a
tuple costs a reference count each time.
"""

from typing import NamedTuple

import numba as nb
import numpy as np

FAR = 1e30
EDGE = 1e-7  # share of a face by which it reaches over its edges: no cracks between faces
_compiled = nb.njit(cache=True, nogil=True, fastmath=True, error_model='numpy')
_inlined = nb.njit(forceinline=True, fastmath=True, error_model='numpy')


class View(NamedTuple):
    """Camera of the picture: focal lengths and principal point in px, pose as in `SceneCamera`."""

    fx: float
    fy: float
    cx: float
    cy: float
    rotation: np.ndarray  # (3, 3) world -> camera
    center: np.ndarray  # (3,) m, world


class Surfaces(NamedTuple):
    """All meshes in one. N vertices, F faces, M meshes."""

    points: np.ndarray  # (N, 3) x, y in sample px, depth in m
    faces: np.ndarray  # (F, 3) int32
    normals: np.ndarray  # (N, 3) world
    colors: np.ndarray  # (N, 3)
    face_mesh: np.ndarray  # (F,) int32
    face_uv: np.ndarray  # (F, 3, 2)
    texture_shape: np.ndarray  # (M, 3) int64 first pixel, height, width; width 0 = no texture
    texture_pixels: np.ndarray  # (P, 3) uint8


class Lights(NamedTuple):
    """Sun and ambient light."""

    direction: np.ndarray  # (3,) unit, toward the sun, world
    colors: np.ndarray  # (3, 3) rows sun, sky, bounce
    to_shadow: np.ndarray  # (3, 4) world -> x, y in shadow map px, depth
    shadow_map: np.ndarray  # (S, S) depth; (1, 1) = no shadows


class Ground(NamedTuple):
    """The ground plane, and how much of the sky the meshes hide from it."""

    present: bool
    height: float
    tiles_per_m: float
    cos_yaw: float
    sin_yaw: float
    opacity: float
    fade: float
    mips: np.ndarray  # (2T, T, 3) levels stacked from the finest down
    contact_frame: np.ndarray  # (3,) x0, z0 in m, px per m
    contact_map: np.ndarray  # (h, w) hidden share of the sky; (1, 1) = none


class Sky(NamedTuple):
    """What is seen where nothing is. kind: 0 black, 1 gradient, 2 panorama, 3 photo."""

    kind: int
    gradient: np.ndarray  # (3, 3) rows zenith, horizon, nadir
    panorama: np.ndarray  # (h, w, 3) uint8
    yaw: float
    gain: float
    photo: np.ndarray  # (H, W, 3) uint8


@_compiled
def vertex_normals(vertices, faces, normals):
    """Write area-weighted unit vertex normals into `normals`."""
    normals[:] = 0
    for k in range(faces.shape[0]):
        a, b, c = faces[k, 0], faces[k, 1], faces[k, 2]
        ux = vertices[b, 0] - vertices[a, 0]
        uy = vertices[b, 1] - vertices[a, 1]
        uz = vertices[b, 2] - vertices[a, 2]
        vx = vertices[c, 0] - vertices[a, 0]
        vy = vertices[c, 1] - vertices[a, 1]
        vz = vertices[c, 2] - vertices[a, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for i in (a, b, c):
            normals[i, 0] += nx
            normals[i, 1] += ny
            normals[i, 2] += nz
    for i in range(normals.shape[0]):
        length = np.sqrt(normals[i, 0] ** 2 + normals[i, 1] ** 2 + normals[i, 2] ** 2) + 1e-20
        for j in range(3):
            normals[i, j] /= length


@_compiled
def fill_depth(points, faces, near, perspective, depth, face_id):
    """Draw triangles into the z-buffer `depth`, and the index of the nearest one into `face_id`.

    `points` (N, 3) are pixel x, pixel y, depth. With `perspective` the reciprocal of the depth is
    what varies linearly over the picture, else the depth. The first of equals wins. Faces with a
    vertex nearer than `near` are dropped.
    """
    height, width = depth.shape
    for k in range(faces.shape[0]):
        a, b, c = faces[k, 0], faces[k, 1], faces[k, 2]
        za, zb, zc = points[a, 2], points[b, 2], points[c, 2]
        if za < near or zb < near or zc < near:
            continue
        x0, y0 = points[a, 0], points[a, 1]
        x1, y1 = points[b, 0] - x0, points[b, 1] - y0
        x2, y2 = points[c, 0] - x0, points[c, 1] - y0
        area = x1 * y2 - x2 * y1
        if area == 0.0:
            continue
        left, right = min(0.0, x1, x2) + x0, max(0.0, x1, x2) + x0
        top, bottom = min(0.0, y1, y2) + y0, max(0.0, y1, y2) + y0
        if right < 0 or bottom < 0 or left > width or top > height:
            continue
        col0, col1 = max(0, int(np.ceil(left - 0.5))), min(width - 1, int(np.floor(right - 0.5)))
        row0, row1 = max(0, int(np.ceil(top - 0.5))), min(height - 1, int(np.floor(bottom - 0.5)))
        inverse = 1.0 / area
        if perspective:
            za, zb, zc = 1.0 / za, 1.0 / zb, 1.0 / zc
        # Barycentric weights and depth are linear in (x, y): step along the row.
        step1, step2 = y2 * inverse, -y1 * inverse
        stepz = step1 * (zb - za) + step2 * (zc - za)
        x = col0 + 0.5 - x0
        for row in range(row0, row1 + 1):
            y = row + 0.5 - y0
            w1 = (x * y2 - x2 * y) * inverse
            w2 = (x1 * y - x * y1) * inverse
            z = za + w1 * (zb - za) + w2 * (zc - za)
            for col in range(col0, col1 + 1):
                if w1 >= -EDGE and w2 >= -EDGE and w1 + w2 <= 1.0 + EDGE:
                    d = 1.0 / z if perspective else z
                    if d < depth[row, col]:
                        depth[row, col] = d
                        face_id[row, col] = k
                w1 += step1
                w2 += step2
                z += stepz


@_inlined
def _sun_visibility(px, py, pz, m, shadow_map):
    """Share of the sun seen from a point: 3x3 taps of the shadow map, bilinearly weighted."""
    height, width = shadow_map.shape
    if height < 2:
        return 1.0
    qx = m[0, 0] * px + m[0, 1] * py + m[0, 2] * pz + m[0, 3] - 0.5
    qy = m[1, 0] * px + m[1, 1] * py + m[1, 2] * pz + m[1, 3] - 0.5
    qz = m[2, 0] * px + m[2, 1] * py + m[2, 2] * pz + m[2, 3]
    if qx < 1 or qy < 1 or qx >= width - 2 or qy >= height - 2:
        return 1.0  # the map has a margin in which nothing is drawn
    col, row = int(qx), int(qy)
    fx, fy = qx - col, qy - row
    total = 0.0
    for y in range(row - 1, row + 3):
        line = 0.0
        if shadow_map[y, col - 1] > qz:
            line += 1.0 - fx
        if shadow_map[y, col] > qz:
            line += 1.0
        if shadow_map[y, col + 1] > qz:
            line += 1.0
        if shadow_map[y, col + 2] > qz:
            line += fx
        total += line * ((1.0 - fy) if y < row else (fy if y == row + 2 else 1.0))
    return total / 9.0


@_inlined
def _gradient_color(up, gradient, out):
    """Write the sky gradient at the sine `up` of the elevation into `out`."""
    other = 0 if up >= 0 else 2
    t = min(1.0, 1.6 * up) if up >= 0 else min(1.0, -8.0 * up)
    for c in range(3):
        out[c] = gradient[1, c] + (gradient[other, c] - gradient[1, c]) * t


@_inlined
def _angle(y, x):
    """arctan2, with an error below 2e-5 rad (Abramowitz and Stegun 4.4.49)."""
    far, near = max(abs(x), abs(y)), min(abs(x), abs(y))
    t = near / (far + 1e-30)
    s = t * t
    angle = t * (0.999866 + s * (-0.3302995 + s * (0.180141 + s * (-0.085133 + s * 0.0208351))))
    if abs(y) > abs(x):
        angle = 0.5 * np.pi - angle
    if x < 0:
        angle = np.pi - angle
    return angle if y >= 0 else -angle


@_inlined
def _panorama_color(dx, dy, dz, image, yaw, gain, out):
    """Write the panorama in world direction d into `out`."""
    height, width = image.shape[0], image.shape[1]
    u = (0.5 + (_angle(dx, dz) - yaw) / (2 * np.pi)) * width - 0.5
    v = (0.5 + _angle(dy, np.sqrt(dx * dx + dz * dz)) / np.pi) * height - 0.5
    col, row = int(np.floor(u)), int(np.floor(v))
    fx, fy = u - col, v - row
    col0, col1 = col % width, (col + 1) % width
    row0, row1 = min(height - 1, max(0, row)), min(height - 1, max(0, row + 1))
    for c in range(3):
        above = image[row0, col0, c] * (1 - fx) + image[row0, col1, c] * fx
        below = image[row1, col0, c] * (1 - fx) + image[row1, col1, c] * fx
        value = (above * (1 - fy) + below * fy) * (1 / 255.0)
        out[c] = value * value * gain


@_inlined
def _add_tile(u, v, level, weight, mips, out):
    """Add `weight` times the repeating texture at (u, v) tiles, bilinear in one level, to `out`."""
    size = mips.shape[1]
    first = 2 * size - (2 * size >> level)
    side = size >> level
    last = side - 1  # sides are powers of two
    x, y = (u - np.floor(u)) * side - 0.5, (v - np.floor(v)) * side - 0.5
    col, row = int(np.floor(x)), int(np.floor(y))
    fx, fy = x - col, y - row
    col0, col1 = col & last, (col + 1) & last
    row0, row1 = first + (row & last), first + ((row + 1) & last)
    for c in range(3):
        above = mips[row0, col0, c] * (1 - fx) + mips[row0, col1, c] * fx
        below = mips[row1, col0, c] * (1 - fx) + mips[row1, col1, c] * fx
        out[c] += weight * (above * (1 - fy) + below * fy)


@_inlined
def _contact_shade(px, pz, frame, image):
    """Share of the sky that a ground point sees past the meshes that stand on it."""
    x, z = (px - frame[0]) * frame[2] - 0.5, (pz - frame[1]) * frame[2] - 0.5
    rows, cols = image.shape
    if x < 0 or z < 0 or x >= cols - 1 or z >= rows - 1:
        return 1.0
    i, j = int(x), int(z)
    ax, az = x - i, z - j
    near = image[j, i] * (1 - ax) + image[j, i + 1] * ax
    far = image[j + 1, i] * (1 - ax) + image[j + 1, i + 1] * ax
    return 1.0 - near * (1 - az) - far * az


@_inlined
def _multiply_texture(u, v, pixels, first, height, width, out):
    """Multiply `out` by the texture at (u, v) in [0, 1], bilinear, clamped at the border."""
    x = min(width - 1.0, max(0.0, u * width - 0.5))
    y = min(height - 1.0, max(0.0, v * height - 0.5))
    col, row = int(x), int(y)
    fx, fy = x - col, y - row
    right, down = (1 if col + 1 < width else 0), (width if row + 1 < height else 0)
    at = first + row * width + col
    for c in range(3):
        above = pixels[at, c] * (1 - fx) + pixels[at + right, c] * fx
        below = pixels[at + down, c] * (1 - fx) + pixels[at + down + right, c] * fx
        value = (above * (1 - fy) + below * fy) * (1 / 255.0)
        out[c] *= value * value


@_compiled
def drop_below_ground(view, ground, samples, depth, face_id):
    """Take the samples of `face_id` away that lie under the ground plane, seen from above it."""
    r, center = view.rotation, view.center
    for y in range(depth.shape[0]):
        vy = ((y + 0.5) / samples - view.cy) / view.fy
        for x in range(depth.shape[1]):
            if face_id[y, x] < 0:
                continue
            vx = ((x + 0.5) / samples - view.cx) / view.fx
            down = r[0, 1] * vx + r[1, 1] * vy + r[2, 1]
            limit = ground.height + 0.01 + 0.002 * depth[y, x]
            if center[1] < ground.height and center[1] + down * depth[y, x] > limit:
                face_id[y, x] = -1


@_compiled
def shade_background(view, lights, ground, sky, samples, face_id, out):
    """Write the ground over the background into `out` (H, W, 3) wherever a sample shows no mesh."""
    height, width = out.shape[0], out.shape[1]
    fx, fy, cx, cy, r, center = view.fx, view.fy, view.cx, view.cy, view.rotation, view.center
    colors, to_shadow, shadow_map = lights.colors, lights.to_shadow, lights.shadow_map
    mips, frame, contact = ground.mips, ground.contact_frame, ground.contact_map
    gradient, panorama, photo = sky.gradient, sky.panorama, sky.photo
    kind, yaw, gain = sky.kind, sky.yaw, sky.gain
    present, plane, tiles_per_m = ground.present, ground.height, ground.tiles_per_m
    cos_yaw, sin_yaw, opacity, fade = ground.cos_yaw, ground.sin_yaw, ground.opacity, ground.fade
    side = 1.0 if center[1] < plane else -1.0  # 1: the camera is above the plane
    lambert = max(0.0, -side * lights.direction[1])
    size = mips.shape[1]
    finest_left = np.log2(size) - 1e-3
    color, surface = np.zeros(3), np.zeros(3)
    for row in range(height):
        vy = (row + 0.5 - cy) / fy
        for col in range(width):
            hidden = True
            for y in range(row * samples, (row + 1) * samples):
                for x in range(col * samples, (col + 1) * samples):
                    hidden = hidden and face_id[y, x] >= 0
            if hidden:
                continue
            vx = (col + 0.5 - cx) / fx
            dx = r[0, 0] * vx + r[1, 0] * vy + r[2, 0]
            dy = r[0, 1] * vx + r[1, 1] * vy + r[2, 1]
            dz = r[0, 2] * vx + r[1, 2] * vy + r[2, 2]
            norm = np.sqrt(dx * dx + dy * dy + dz * dz)
            reach, show = -1.0, 0.0
            if present and abs(dy) > 1e-9:
                reach = (plane - center[1]) / dy
                if reach > 0:
                    far = (reach * norm / fade) ** 2
                    show = opacity / (1 + far * far)
            color[:] = 0.0
            if show < 0.998:
                if kind == 1:
                    _gradient_color(-dy / norm, gradient, color)
                elif kind == 2:
                    _panorama_color(dx, dy, dz, panorama, yaw, gain, color)
                elif kind == 3:
                    for c in range(3):
                        value = photo[row, col, c] * (1 / 255.0)
                        color[c] = value * value
            if reach > 0 and (show > 0.002 or opacity < 1):
                px, pz = center[0] + dx * reach, center[2] + dz * reach
                sun = 0.0
                if lambert > 0:
                    sun = _sun_visibility(px, plane - 0.004 * side, pz, to_shadow, shadow_map)
                    sun *= lambert
                open_sky = _contact_shade(px, pz, frame, contact)
                sun *= 0.4 + 0.6 * open_sky
                surface[:] = 0.0
                if show > 0.002:
                    u = (cos_yaw * px - sin_yaw * pz) * tiles_per_m
                    v = (sin_yaw * px + cos_yaw * pz) * tiles_per_m
                    footprint = reach * norm / fx / np.sqrt(max(abs(dy) / norm, 1e-4))
                    level = np.log2(max(1.0, footprint * tiles_per_m * size))
                    level = min(level, finest_left)
                    low = int(level)
                    _add_tile(u, v, low, 1 - (level - low), mips, surface)
                    if level > low:
                        _add_tile(u, v, low + 1, level - low, mips, surface)
                for c in range(3):
                    lit = colors[1, c] * open_sky + colors[0, c] * sun
                    color[c] *= 1 - show
                    if opacity < 1:  # a shadow catcher darkens what shows through
                        full = colors[1, c] + colors[0, c] * lambert
                        color[c] *= lit / max(full, 1e-9)
                    color[c] += surface[c] * lit * show
            for c in range(3):
                out[row, col, c] = color[c]


@_compiled
def shade_meshes(view, meshes, lights, samples, depth, face_id, picture, rgb):
    """Light the meshes over the background in `picture` (H, W, 3), and write the bytes to `rgb`.

    A pixel whose samples all show one smooth piece of surface is coloured from one of them; else
    every sample is.
    """
    height, width, count = rgb.shape[0], rgb.shape[1], samples * samples
    fx, fy, cx, cy, r, center = view.fx, view.fy, view.cx, view.cy, view.rotation, view.center
    direction, light_colors = lights.direction, lights.colors
    to_shadow, shadow_map = lights.to_shadow, lights.shadow_map
    points, faces, normals, colors = meshes.points, meshes.faces, meshes.normals, meshes.colors
    face_mesh, face_uv = meshes.face_mesh, meshes.face_uv
    texture_shape, texture_pixels = meshes.texture_shape, meshes.texture_pixels
    color, surface = np.zeros(3), np.zeros(3)
    for row in range(height):
        for col in range(width):
            covered, near, far, same = 0, FAR, 0.0, True
            first = face_id[row * samples, col * samples]
            for y in range(row * samples, (row + 1) * samples):
                for x in range(col * samples, (col + 1) * samples):
                    k = face_id[y, x]
                    if k >= 0:
                        covered += 1
                        near, far = min(near, depth[y, x]), max(far, depth[y, x])
                        same = same and first >= 0 and face_mesh[k] == face_mesh[first]
            once = same and covered == count and far - near < 0.02 * near
            weight = 1.0 if once else 1.0 / count
            for c in range(3):
                color[c] = 0.0
                if covered < count:
                    color[c] = picture[row, col, c] * ((count - covered) / count)
            for s in range(0 if covered == 0 else (1 if once else count)):
                y, x = row * samples + s // samples, col * samples + s % samples
                k, z = face_id[y, x], depth[y, x]
                if k < 0:
                    continue
                a, b, d = faces[k, 0], faces[k, 1], faces[k, 2]
                x0, y0 = points[a, 0], points[a, 1]
                x1, y1 = points[b, 0] - x0, points[b, 1] - y0
                x2, y2 = points[d, 0] - x0, points[d, 1] - y0
                area = x1 * y2 - x2 * y1
                qx, qy = x + 0.5 - x0, y + 0.5 - y0
                w1 = (qx * y2 - x2 * qy) / area * z / points[b, 2]
                w2 = (x1 * qy - qx * y1) / area * z / points[d, 2]
                w0 = 1.0 - w1 - w2
                for c in range(3):
                    surface[c] = w0 * colors[a, c] + w1 * colors[b, c] + w2 * colors[d, c]
                m = face_mesh[k]
                if texture_shape[m, 2] > 0:
                    u = w0 * face_uv[k, 0, 0] + w1 * face_uv[k, 1, 0] + w2 * face_uv[k, 2, 0]
                    v = w0 * face_uv[k, 0, 1] + w1 * face_uv[k, 1, 1] + w2 * face_uv[k, 2, 1]
                    at, rows, cols = texture_shape[m, 0], texture_shape[m, 1], texture_shape[m, 2]
                    _multiply_texture(u, v, texture_pixels, at, rows, cols, surface)
                nx = w0 * normals[a, 0] + w1 * normals[b, 0] + w2 * normals[d, 0]
                ny = w0 * normals[a, 1] + w1 * normals[b, 1] + w2 * normals[d, 1]
                nz = w0 * normals[a, 2] + w1 * normals[b, 2] + w2 * normals[d, 2]
                # A face seen from behind (positive area, as y is down) is lit on the side seen.
                scale = (1.0 if area < 0 else -1.0) / np.sqrt(nx * nx + ny * ny + nz * nz + 1e-20)
                nx, ny, nz = nx * scale, ny * scale, nz * scale
                sun = max(0.0, nx * direction[0] + ny * direction[1] + nz * direction[2])
                if sun > 0:
                    vx, vy = ((x + 0.5) / samples - cx) / fx, ((y + 0.5) / samples - cy) / fy
                    px = center[0] + z * (r[0, 0] * vx + r[1, 0] * vy + r[2, 0]) + 0.012 * nx
                    py = center[1] + z * (r[0, 1] * vx + r[1, 1] * vy + r[2, 1]) + 0.012 * ny
                    pz = center[2] + z * (r[0, 2] * vx + r[1, 2] * vy + r[2, 2]) + 0.012 * nz
                    sun *= _sun_visibility(px, py, pz, to_shadow, shadow_map)
                up = 0.5 - 0.5 * ny
                for c in range(3):
                    ambient = light_colors[2, c] + (light_colors[1, c] - light_colors[2, c]) * up
                    color[c] += weight * surface[c] * (ambient + light_colors[0, c] * sun)
            for c in range(3):
                rgb[row, col, c] = int(min(255.0, np.sqrt(max(0.0, color[c])) * 255.0 + 0.5))


@_compiled
def resolve_samples(face_mesh, samples, depth, face_id, alpha, depth_out, mesh_out):
    """Write what a pixel's samples say: covered share, the mesh seen most, its mean depth."""
    count = samples * samples
    meshes, depths = np.zeros(count, np.int32), np.zeros(count)
    for row in range(alpha.shape[0]):
        for col in range(alpha.shape[1]):
            covered = 0
            for y in range(row * samples, (row + 1) * samples):
                for x in range(col * samples, (col + 1) * samples):
                    covered += face_id[y, x] >= 0
            alpha[row, col] = covered / count
            depth_out[row, col], mesh_out[row, col] = 0.0, -1
            if covered == 0 or 2 * covered < count:
                continue
            for s in range(count):
                y, x = row * samples + s // samples, col * samples + s % samples
                k = face_id[y, x]
                meshes[s], depths[s] = (face_mesh[k] if k >= 0 else -1), depth[y, x]
            most, best = 0, FAR
            for s in range(count):
                if meshes[s] < 0:
                    continue
                number, total = 0, 0.0
                for t in range(count):
                    if meshes[t] == meshes[s]:
                        number += 1
                        total += depths[t]
                if number > most or (number == most and total / number < best):
                    most, best = number, total / number
                    mesh_out[row, col], depth_out[row, col] = meshes[s], best
