// Decodes JPEG files with ImageIO: java Decode.java FILE ...
// Writes FILE.ppm beside each file that ImageIO decodes.
import java.awt.image.BufferedImage;
import java.awt.image.Raster;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.imageio.ImageIO;

class Decode {
    public static void main(String[] files) {
        for (String file : files) {
            try {
                Files.write(Path.of(file + ".ppm"), pnm(ImageIO.read(new File(file))));
            } catch (Exception error) {
                System.err.println(file + ": " + error);
            }
        }
    }

    private static byte[] pnm(BufferedImage picture) {
        Raster raster = picture.getRaster();
        int width = raster.getWidth(), height = raster.getHeight(), channels = raster.getNumBands();
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(("P" + (channels == 1 ? 5 : 6) + "\n" + width + " " + height + "\n255\n").getBytes());
        for (int sample : raster.getPixels(0, 0, width, height, (int[]) null)) {
            out.write(sample);
        }
        return out.toByteArray();
    }
}
