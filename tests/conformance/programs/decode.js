// Decodes JPEG files with a package of npm: node decode.js PACKAGE FILE ...
// Writes FILE.ppm beside each file that the package decodes. Packages are looked for in $NODE_PATH.
"use strict";
const fs = require("fs");

const decoders = {
  "jpeg-js": async (jpeg) => require("jpeg-js").decode(jpeg),
  sharp: async (jpeg) => {
    const { data, info } = await require("sharp")(jpeg).raw().toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, data };
  },
  "@napi-rs/image": async (jpeg) => {
    const picture = new (require("@napi-rs/image").Transformer)(jpeg);
    const { width, height } = await picture.metadata();
    return { width, height, data: await picture.rawPixels() };
  },
  "@napi-rs/canvas": async (jpeg) => {
    const { createCanvas, loadImage } = require("@napi-rs/canvas");
    const picture = await loadImage(jpeg);
    const context = createCanvas(picture.width, picture.height).getContext("2d");
    context.drawImage(picture, 0, 0);
    return context.getImageData(0, 0, picture.width, picture.height);
  },
  "@silvia-odwyer/photon-node": async (jpeg) => {
    const picture = require("@silvia-odwyer/photon-node").PhotonImage.new_from_byteslice(new Uint8Array(jpeg));
    return { width: picture.get_width(), height: picture.get_height(), data: picture.get_raw_pixels() };
  },
};

// PGM or PPM of samples with 1, 3 or 4 channels; the fourth one is opacity and is left out.
function pnm({ width, height, data }) {
  const channels = data.length / (width * height);
  const samples = channels === 4 ? Buffer.from(data).filter((_, index) => index % 4 !== 3) : Buffer.from(data);
  return Buffer.concat([Buffer.from(`P${channels === 1 ? 5 : 6}\n${width} ${height}\n255\n`), samples]);
}

async function main([name, ...files]) {
  for (const file of files) {
    try {
      fs.writeFileSync(`${file}.ppm`, pnm(await decoders[name](fs.readFileSync(file))));
    } catch (error) {
      console.error(`${file}: ${error}`);
    }
  }
}

main(process.argv.slice(2));
