#!/usr/bin/env bash
# Draws the pictures of the guide with `cnn` from PATH: bash docs/guide/pictures.sh, from the repository's root.
# What they show is in the chapters; the configs are taken out of them.
set -euo pipefail

root=$PWD
out=$root/docs/guide/pictures
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"
cp -r configs datasets examples "$work"
cd "$work"

# The ```toml block of a chapter that begins with `# NAME`.
config() {
  awk -v name="# $2" '$0 == name { on = 1 } /^```/ { on = 0 } on' "$root/docs/guide/$1" > "$2"
  test -s "$2"
}

# A sheet of the digit under several kernels: a folder for each, whose name is its title.
filter() { # FOLDER NAME ARGUMENTS…
  mkdir -p "$1/$2"
  cnn filter -q examples/seven.png "${@:3}" --out "$1/$2/picture.png" > /dev/null
}
sheet() { # FOLDER COUNT
  cat > sheet.toml <<END
model = { input = [1, 112, 112], layers = [{ type = "flatten" }, { type = "dense", units = $2 }] }
data  = { source = "$1", resize = 112 }
END
  cnn data show -q sheet.toml --count "$2" --out "$out/$1.png" > /dev/null
}

filter filters 1-digit --kernel identity
filter filters 2-sobel --kernel sobel
filter filters 3-sobel-x --kernel sobel_x
filter filters 4-sobel-y --kernel sobel_y
filter filters 5-gaussian --kernel gaussian_blur_5
filter filters 6-sharpen --kernel sharpen
filter filters 7-emboss --kernel emboss
filter filters 8-line --kernel line_vertical
sheet filters 8

filter moved 0-pixels --kernel identity
filter moved 1-pixel --kernel '1 0 0' --scale clip
filter moved 2-pixels --kernel '1 0 0 0 0' --scale clip
filter moved 3-pixels --kernel '1 0 0 0 0 0 0' --scale clip
filter moved 4-pixels --kernel '1 0 0 0 0 0 0 0 0' --scale clip
sheet moved 5

config 05-receptive-fields.md deep.toml
cnn train -q deep.toml --run deep > /dev/null
cnn show deep receptive-field examples/seven.png --layer last --at 14,14 --out field > /dev/null
cp field/field-seven-last-14-14.png "$out/field.png"

config 08-regularization.md large.toml
cnn train -q large.toml --run bare > /dev/null
cnn train -q large.toml --run augment --set augment.shift=2 --set augment.rotate=10 > /dev/null
cnn runs compare -q bare augment --svg "$out/curves.svg" > /dev/null
cnn data show -q configs/lenet5.toml --augment --count 14 --out "$out/augmented.png" > /dev/null

cnn inspect configs/lenet5.toml --svg "$out/lenet5.svg" > /dev/null
cnn train -q configs/lenet5.toml --run lenet > /dev/null
cnn show lenet features examples/seven.png --out show > /dev/null
cnn show lenet explain examples/seven.png --out show > /dev/null
cnn show lenet explain examples/seven.png --method occlusion --patch 8 --out show > /dev/null
cnn show lenet embedding --out show > /dev/null
cp show/features-seven.png "$out/features.png"
cp show/explain-seven-grad-cam-S4-7.png "$out/grad-cam.png"
cp show/explain-seven-occlusion-7.png "$out/occlusion.png"
cp show/embedding-test.svg "$out/embedding.svg"
