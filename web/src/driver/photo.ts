const LONGEST_SIDE = 1_024; // pixels
const MOST = 40_000; // characters of the data URL, so that a report stays within one message

/** Makes a photo small enough to travel inside a report, as a JPEG data URL. Throws when file is no picture. */
export async function shrinkPhoto(file: Blob): Promise<string> {
  const picture = await createImageBitmap(file);
  const canvas = document.createElement("canvas");
  let side = Math.min(LONGEST_SIDE, Math.max(picture.width, picture.height));
  for (let quality = 0.8; ; ) {
    const scale = side / Math.max(picture.width, picture.height);
    canvas.width = Math.max(1, Math.round(picture.width * scale));
    canvas.height = Math.max(1, Math.round(picture.height * scale));
    canvas.getContext("2d")!.drawImage(picture, 0, 0, canvas.width, canvas.height);
    const url = canvas.toDataURL("image/jpeg", quality);
    if (url.length <= MOST) return url;
    if (quality > 0.45) quality -= 0.15;
    else side *= 0.75;
  }
}
