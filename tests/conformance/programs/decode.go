// Decodes JPEG files with image/jpeg: go run decode.go FILE ...
// Writes FILE.ppm beside each file that the package decodes.
package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"os"
)

func main() {
	for _, file := range os.Args[1:] {
		if err := decode(file); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", file, err)
		}
	}
}

func decode(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	picture, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		return err
	}
	return os.WriteFile(file+".ppm", ppm(picture), 0o644)
}

func ppm(picture image.Image) []byte {
	bounds := picture.Bounds()
	out := bytes.NewBufferString(fmt.Sprintf("P6\n%d %d\n255\n", bounds.Dx(), bounds.Dy()))
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			pixel := color.NRGBAModel.Convert(picture.At(x, y)).(color.NRGBA)
			out.Write([]byte{pixel.R, pixel.G, pixel.B})
		}
	}
	return out.Bytes()
}
