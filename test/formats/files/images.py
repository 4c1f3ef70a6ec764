"""Writes images/ and images.json: images by Pillow of every kind that a folder may hold, and their pixels as Pillow decodes them (RGB, or L where grey)."""
import json
import pathlib

import numpy as np
from PIL import Image

here = pathlib.Path(__file__).parent
folder = here / 'images'
folder.mkdir(exist_ok=True)
truth = {}
rows, columns = np.mgrid[0:6, 0:9]
colour = np.stack([rows * 40, columns * 28, (rows * columns * 5) % 256], -1).astype('u1')
grey = (rows * 20 + columns * 15).astype('u1')


def keep(name, pixels):
    truth[name] = {'shape': list(pixels.shape), 'pixels': [int(value) for value in pixels.ravel()]}


def save(name, image, expected=None, **options):
    image.save(folder / name, **options)
    keep(name, np.asarray(image if expected is None else expected))


save('colour.png', Image.fromarray(colour))
save('grey.png', Image.fromarray(grey))
save('one_pixel.png', Image.fromarray(colour[3:4, 4:5]))
save('lossless.webp', Image.fromarray(colour), lossless=True, quality=100, method=6)
alpha = np.where((rows + columns) % 2, 255, 0).astype('u1')
save('alpha.png', Image.fromarray(np.dstack([colour, alpha])), np.where(alpha[..., None] == 255, colour, 255))
save('grey_alpha.png', Image.fromarray(np.dstack([grey, alpha])), np.where(alpha == 255, grey, 255))
save('animated.webp', Image.fromarray(colour), save_all=True, append_images=[Image.fromarray(255 - colour)], lossless=True)
palette = Image.fromarray(colour).quantize(16)
save('palette.png', palette, palette.convert('RGB'))
exif = Image.Exif()
exif[0x0112] = 6
smooth = np.repeat(np.repeat(colour[::2, ::3], 8, 0), 8, 1)
for name, options in {'full.jpg': {}, 'turned.jpg': {'exif': exif}, 'grey.jpg': {}}.items():
    picture = Image.fromarray(smooth if name != 'grey.jpg' else smooth[..., 0])
    picture.save(folder / name, quality=95, subsampling=0, **options)
    decoded = np.asarray(Image.open(folder / name))
    # Orientation 6: what is stored has to be turned by a quarter, clockwise, to be seen upright.
    keep(name, np.rot90(decoded, -1) if options else decoded)
Image.fromarray(smooth).convert('CMYK').save(folder / 'cmyk.jpg', quality=95)
(here / 'images.json').write_text(json.dumps(truth) + '\n')
