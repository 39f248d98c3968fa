import type { CustomLayerInterface, CustomRenderMethodInput, Map as MapLibre } from "maplibre-gl";

import { states } from "../condition";
import { STRIDE, type Glides } from "./glides";
import { toMercator } from "./mercator";

const vertexSource = `#version 300 es
in vec2 a_corner;
in vec4 a_path;   // from, to: mercator, relative to the anchor
in vec2 a_time;   // start, duration
in vec2 a_turn;   // heading from, to
in float a_shape;
uniform mat4 u_matrix;
uniform vec2 u_pixel; // one pixel in clip space
uniform float u_now, u_radius;
uniform int u_selected;
uniform bool u_top; // the second pass: alerts and the selected one, over all others
out vec2 v_at;
flat out int v_shape, v_selected;

void main() {
  bool selected = gl_InstanceID == u_selected;
  bool alert = a_shape > 3.5;
  if (a_shape < 0.0 || a_shape > 7.5 || u_top != (selected || alert)) {
    gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
    return;
  }
  float k = a_time.y > 0.0 ? clamp((u_now - a_time.x) / a_time.y, 0.0, 1.0) : 1.0;
  vec4 at = u_matrix * vec4(mix(a_path.xy, a_path.zw, k), 0.0, 1.0);
  float heading = a_shape < 0.5 ? mix(a_turn.x, a_turn.y, min(1.0, k * 3.0)) : 0.0;
  float reach = selected ? 2.0 : 1.0;
  vec2 corner = a_corner * reach;
  vec2 turned = vec2(corner.x * cos(heading) - corner.y * sin(heading), corner.x * sin(heading) + corner.y * cos(heading));
  v_at = corner;
  v_shape = int(a_shape + 0.5);
  v_selected = selected ? 1 : 0;
  gl_Position = vec4(at.xy / at.w + turned * vec2(1.0, -1.0) * u_pixel * u_radius, 0.0, 1.0);
}`;

// Every state has a shape of its own, so that colour alone says nothing.
const fragmentSource = `#version 300 es
precision highp float;
in vec2 v_at;
flat in int v_shape, v_selected;
uniform vec3 u_colors[5];
uniform vec3 u_outline, u_ring;
out vec4 color;

float arrow(vec2 p) { // half of it, mirrored
  p.x = abs(p.x);
  return max(dot(p - vec2(0.0, -0.92), normalize(vec2(1.6, -0.66))), dot(p - vec2(0.0, 0.36), normalize(vec2(-0.38, 0.66))));
}
float diamond(vec2 p) { return (abs(p.x) + abs(p.y) - 0.86) * 0.7071; }

void main() {
  vec2 p = v_at;
  float edge = fwidth(p.x) + fwidth(p.y);
  float d = v_shape == 0 ? arrow(p) : v_shape == 4 ? diamond(p) : length(p) - (v_shape == 3 ? 0.44 : 0.56);
  vec3 fill = u_colors[v_shape];
  if (v_shape == 2 || v_shape == 3) fill = mix(u_outline, fill, smoothstep(-0.26 - edge, -0.26, d)); // hollow: not sure
  if (v_shape == 4) { // an exclamation mark
    float bar = max(abs(p.x) - 0.08, abs(p.y + 0.2) - 0.2);
    float mark = min(bar, length(p - vec2(0.0, 0.32)) - 0.1);
    fill = mix(u_outline, fill, smoothstep(0.0, edge, mark));
  }
  float outer = 1.0 - smoothstep(0.13 - edge * 0.5, 0.13 + edge * 0.5, d);
  float inner = 1.0 - smoothstep(-edge * 0.5, edge * 0.5, d);
  vec4 c = vec4(mix(u_outline, fill, inner), 1.0) * outer;
  if (v_selected == 1) {
    float ring = 1.0 - smoothstep(0.06, 0.06 + edge, abs(length(p) - 1.55));
    float glow = (1.0 - smoothstep(1.4, 1.7, length(p))) * 0.22;
    c += vec4(u_ring, 1.0) * max(ring, glow) * (1.0 - c.a);
  }
  if (c.a < 0.004) discard;
  color = c;
}`;

/** Colours as [red, green, blue] from 0 to 1. */
export interface Palette {
  states: [number, number, number][];
  outline: [number, number, number];
  ring: [number, number, number];
}

const REANCHOR = 2 ** 20; // px from the anchor at which a float errs by a sixteenth of a pixel

/** Draws all vehicles in two draw calls; their movement costs the main thread nothing. */
export class VehicleLayer implements CustomLayerInterface {
  readonly id = "vehicles";
  readonly type = "custom";
  palette: Palette | null = null;
  /** The slot to ring, or -1. */
  selected = -1;

  private map: MapLibre | null = null;
  private program: WebGLProgram | null = null;
  private vertices: WebGLVertexArrayObject | null = null;
  private buffers: WebGLBuffer[] = [];
  private uploaded = 0; // floats that the GPU's buffer has room for
  private readonly uniforms = new Map<string, WebGLUniformLocation | null>();

  /** clock gives the seconds that glides are timed in; fps bounds how often a glide is drawn, for machines without a GPU. */
  constructor(
    private readonly glides: Glides,
    private readonly clock: () => number,
    private readonly fps = Infinity,
  ) {}

  onAdd(map: MapLibre, gl: WebGL2RenderingContext) {
    this.map = map;
    this.program = link(gl);
    this.uniforms.clear();
    this.vertices = gl.createVertexArray();
    gl.bindVertexArray(this.vertices);
    this.buffers = [gl.createBuffer(), gl.createBuffer()];
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[0]);
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 1, -1, -1, 1, 1, 1]), gl.STATIC_DRAW);
    this.attribute(gl, "a_corner", 2, 0, 0, 0);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[1]);
    let offset = 0;
    for (const [name, size] of [["a_path", 4], ["a_time", 2], ["a_turn", 2], ["a_shape", 1]] as const) {
      this.attribute(gl, name, size, STRIDE * 4, offset * 4, 1);
      offset += size;
    }
    gl.bindVertexArray(null);
    this.uploaded = 0;
  }

  onRemove(_: MapLibre, gl: WebGL2RenderingContext) {
    for (const buffer of this.buffers) gl.deleteBuffer(buffer);
    gl.deleteVertexArray(this.vertices);
    gl.deleteProgram(this.program);
    this.map = null;
  }

  render(gl: WebGL2RenderingContext, { defaultProjectionData }: CustomRenderMethodInput) {
    if (!this.map || !this.palette || this.glides.count === 0) return;
    const now = this.clock();
    this.upload(gl, this.map);

    const at = (name: string) => {
      if (!this.uniforms.has(name)) this.uniforms.set(name, gl.getUniformLocation(this.program!, name));
      return this.uniforms.get(name)!;
    };
    gl.useProgram(this.program);
    gl.bindVertexArray(this.vertices);
    const { x, y } = this.glides.anchor;
    gl.uniformMatrix4fv(at("u_matrix"), false, translated(defaultProjectionData.mainMatrix as ArrayLike<number>, x, y));
    const ratio = this.map.getPixelRatio();
    gl.uniform2f(at("u_pixel"), (2 * ratio) / gl.drawingBufferWidth, (2 * ratio) / gl.drawingBufferHeight);
    gl.uniform1f(at("u_now"), now);
    gl.uniform1f(at("u_radius"), radiusAt(this.map.getZoom(), this.glides.count));
    gl.uniform1i(at("u_selected"), this.selected);
    gl.uniform3fv(at("u_colors"), this.palette.states.flat());
    gl.uniform3fv(at("u_outline"), this.palette.outline);
    gl.uniform3fv(at("u_ring"), this.palette.ring);
    gl.disable(gl.DEPTH_TEST);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    for (const top of [0, 1]) {
      gl.uniform1i(at("u_top"), top);
      gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, this.glides.count);
    }
    gl.bindVertexArray(null);
    if (now < this.glides.movingUntil) this.drawAgain();
  }

  private drawAgain() {
    if (this.fps === Infinity) this.map?.triggerRepaint();
    else setTimeout(() => this.map?.triggerRepaint(), 1_000 / this.fps);
  }

  /** Uploads what changed: runs of slots, or everything after growth or a new anchor. */
  private upload(gl: WebGL2RenderingContext, map: MapLibre) {
    const { glides } = this;
    const centre = map.getCenter();
    const middle = toMercator(centre.lat, centre.lng);
    const pixels = Math.hypot(middle.x - glides.anchor.x, middle.y - glides.anchor.y) * 512 * 2 ** map.getZoom();
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[1]);
    if (pixels > REANCHOR) {
      glides.anchorAt(middle);
      this.uploaded = 0;
    }
    const runs = glides.takeDirty();
    if (this.uploaded !== glides.data.length) {
      gl.bufferData(gl.ARRAY_BUFFER, glides.data, gl.DYNAMIC_DRAW);
      this.uploaded = glides.data.length;
      return;
    }
    for (const [first, end] of runs) {
      gl.bufferSubData(gl.ARRAY_BUFFER, first * STRIDE * 4, glides.data, first * STRIDE, (end - first) * STRIDE);
    }
  }

  private attribute(gl: WebGL2RenderingContext, name: string, size: number, stride: number, offset: number, divisor: number) {
    const location = gl.getAttribLocation(this.program!, name);
    gl.enableVertexAttribArray(location);
    gl.vertexAttribPointer(location, size, gl.FLOAT, false, stride, offset);
    gl.vertexAttribDivisor(location, divisor);
  }
}

const CROWD = 400; // vehicles that fit on a screen at full size

/** Half the size of a vehicle in CSS pixels: small when the whole fleet is in view, and smaller the more there are. */
export function radiusAt(zoom: number, count: number): number {
  const size = Math.min(13, Math.max(6, 6 + (zoom - 4) * 0.9));
  const near = Math.min(1, Math.max(0, (zoom - 10) / 4)); // so near that a crowd is not in view
  const room = Math.max(0.55, Math.min(1, (CROWD / count) ** 0.25));
  return size * (room + (1 - room) * near);
}

function link(gl: WebGL2RenderingContext): WebGLProgram {
  const program = gl.createProgram();
  for (const [type, source] of [[gl.VERTEX_SHADER, vertexSource], [gl.FRAGMENT_SHADER, fragmentSource]] as const) {
    const shader = gl.createShader(type)!;
    gl.shaderSource(shader, source.replace("u_colors[5]", `u_colors[${states.length}]`));
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(`vehicle shader: ${gl.getShaderInfoLog(shader)}`);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(`vehicle shader: ${gl.getProgramInfoLog(program)}`);
  return program;
}

/** m × translate(x, y), multiplied in doubles: only the small rest becomes a float. */
function translated(m: ArrayLike<number>, x: number, y: number): Float32Array {
  const out = Float32Array.from(m);
  for (let i = 0; i < 4; i++) out[12 + i] = m[i] * x + m[4 + i] * y + m[12 + i];
  return out;
}
