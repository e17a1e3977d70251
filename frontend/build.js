// Builds the admin's assets into nurture/web/static, or with --check compares a fresh build with what is committed.
// Names carry a content hash, so that a browser may keep them for a year; manifest.json says which name is current.
import { createHash } from "node:crypto";
import { mkdtemp, mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const committed = join(here, "../nurture/web/static");

// Browsers of the last two and a half years: the first ones that know light-dark() and relative colours, which Tabler needs anyway.
const target = ["chrome123", "edge123", "firefox128", "safari17.5"];

async function bundle(outdir) {
  const result = await esbuild.build({
    absWorkingDir: here,
    entryPoints: ["src/admin.js", "src/admin.css"],
    bundle: true,
    minify: true,
    format: "iife",
    target,
    charset: "utf8",
    legalComments: "linked",
    entryNames: "[name]-[hash]",
    loader: { ".svg": "dataurl" },
    metafile: true,
    outdir,
    logLevel: "warning",
  });
  const names = {};
  for (const [path, output] of Object.entries(result.metafile.outputs)) {
    if (output.entryPoint) names[basename(output.entryPoint)] = basename(path);
  }
  return { names, inputs: Object.keys(result.metafile.inputs) };
}

async function sprite() {
  const names = JSON.parse(await readFile(join(here, "src/icons.json"), "utf8"));
  const symbols = await Promise.all([...names].sort().map(async (name) => {
    const source = await readFile(join(here, `node_modules/@tabler/icons/icons/outline/${name}.svg`), "utf8");
    const shapes = source
      .slice(source.indexOf(">") + 1, source.lastIndexOf("</svg>"))
      .replace(/<path stroke="none"[^>]*>/, "")
      .replace(/\s*\n\s*/g, "")
      .trim();
    return `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-linecap="round" stroke-linejoin="round">${shapes}</symbol>`;
  }));
  return `<svg xmlns="http://www.w3.org/2000/svg">\n${symbols.join("\n")}\n</svg>\n`;
}

async function hashed(outdir, name, text) {
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 8).toUpperCase();
  const dot = name.lastIndexOf(".");
  const target = `${name.slice(0, dot)}-${hash}${name.slice(dot)}`;
  await writeFile(join(outdir, target), text);
  return target;
}

async function licenceOf(name) {
  const folder = join(here, "node_modules", name);
  const found = (await readdir(folder)).find((file) => /^licen[cs]e/i.test(file));
  // Some packages name their licence without shipping its text; theirs is kept in licenses/.
  const path = found ? join(folder, found) : join(here, "licenses", `${name.replace("/", "__")}.txt`);
  return (await readFile(path, "utf8")).replace(/\r\n/g, "\n").trim();
}

async function notices(inputs) {
  const used = new Set(["@tabler/icons"]);
  for (const input of inputs) {
    const match = /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (match) used.add(match[1]);
  }
  const parts = ["The files in this folder contain work of other authors, used under these licences."];
  for (const name of [...used].sort()) {
    const about = JSON.parse(await readFile(join(here, "node_modules", name, "package.json"), "utf8"));
    parts.push(`${name} ${about.version} (${about.license})\n${"-".repeat(72)}\n${await licenceOf(name)}`);
  }
  return parts.join(`\n\n${"=".repeat(72)}\n`) + "\n";
}

async function build(outdir) {
  await mkdir(outdir, { recursive: true });
  const { names, inputs } = await bundle(outdir);
  names["icons.svg"] = await hashed(outdir, "icons.svg", await sprite());
  names["favicon.svg"] = await hashed(outdir, "favicon.svg", await readFile(join(here, "src/favicon.svg"), "utf8"));
  await writeFile(join(outdir, "THIRD_PARTY_NOTICES.txt"), await notices(inputs));
  const manifest = Object.fromEntries(Object.entries(names).sort(([a], [b]) => (a < b ? -1 : 1)));
  await writeFile(join(outdir, "manifest.json"), JSON.stringify(manifest, null, 2) + "\n");
}

async function differences(fresh) {
  const names = new Set([...(await readdir(fresh)), ...(await readdir(committed))]);
  const found = [];
  for (const name of [...names].sort()) {
    const [a, b] = await Promise.all([fresh, committed].map((folder) => readFile(join(folder, name)).catch(() => null)));
    if (!a) found.push(`${name}: no longer built`);
    else if (!b) found.push(`${name}: not committed`);
    else if (!a.equals(b)) found.push(`${name}: differs`);
  }
  return found;
}

if (process.argv.includes("--check")) {
  const fresh = await mkdtemp(join(tmpdir(), "nurture-frontend-"));
  try {
    await build(fresh);
    const found = await differences(fresh);
    if (found.length) {
      console.error(`The committed assets are stale; run "npm run build" and commit.\n${found.join("\n")}`);
      process.exitCode = 1;
    } else {
      console.log("The committed assets are what the sources build.");
    }
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
} else {
  await rm(committed, { recursive: true, force: true });
  await build(committed);
  console.log((await readdir(committed)).join("\n"));
}
