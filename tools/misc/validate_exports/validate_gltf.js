// Khronos's validator over .glb files: one line each, exit code 1 on any error or warning.
// node validate_gltf.js FOLDER_OF_NODE_MODULES FILE...
const fs = require('fs');
const path = require('path');

const [modules, ...files] = process.argv.slice(2);
const validator = require(path.resolve(modules, 'gltf-validator'));

async function main() {
  let bad = 0;
  for (const file of files) {
    const report = await validator.validateBytes(new Uint8Array(fs.readFileSync(file)), {
      uri: path.basename(file),
      maxIssues: 0,
    });
    const { numErrors, numWarnings, numInfos, numHints, messages } = report.issues;
    bad += numErrors + numWarnings;
    console.log(
      `${path.basename(file)}: ${numErrors} errors, ${numWarnings} warnings, ` +
        `${numInfos} infos, ${numHints} hints (glTF-Validator ${validator.version()})`,
    );
    const seen = new Set();
    for (const { code, message, pointer, severity } of messages) {
      if (severity < 2 || !seen.has(code)) console.log(`  ${code} ${pointer}: ${message}`);
      seen.add(code);
    }
  }
  process.exit(bad ? 1 : 0);
}

main().catch((error) => {
  console.error(String(error));
  process.exit(2);
});
