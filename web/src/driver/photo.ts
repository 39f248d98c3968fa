const LONGEST_SIDE = 1_024; // pixels
const MOST = 60_000; // characters of the data URL; the server takes 64 KiB

/** Makes a photo small enough to travel inside a report, as a JPEG data URL. Throws when file is no picture. */
export async function shrinkPhoto(file: Blob): Promise<string> {
  const picture = await createImageBitmap(file);
  const canvas = document.createElement("canvas");
  const longest = Math.max(picture.width, picture.height);
  for (let side = Math.min(LONGEST_SIDE, longest); ; side *= 0.75) {
    const scale = side / longest;
    canvas.width = Math.max(1, Math.round(picture.width * scale));
    canvas.height = Math.max(1, Math.round(picture.height * scale));
    canvas.getContext("2d")!.drawImage(picture, 0, 0, canvas.width, canvas.height);
    for (const quality of [0.8, 0.65, 0.5]) {
      const url = canvas.toDataURL("image/jpeg", quality);
      if (url.length > MOST) continue;
      picture.close(); // 12 megapixels are 48 MB
      return url;
    }
  }
}
