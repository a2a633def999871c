"""Which measure of alignment is 0 for unrelated models and finds what two models share: simulated.

Maps of two models are made up, 400 images of 4 classes on 8x8 pixels unless said otherwise, and go
through each candidate. All see the same average ranks. `u`, `v` are the two models' residuals.

    unit           mean over images of cos(u, v), u: ranks less the class mean of other folds
                   (what was published as image-specific rho until version 0.1)
    unit less null the same less its own within-class null, the mean of cos(u_i, v_j) over all j
    pooled         sum <u, v> / sqrt(sum |u|^2 sum |v|^2), with the same cross-fitted residuals
    centred ranks  the pooled form with residuals from the class mean of the very images that are
                   summed over, ranks as they are, pooled over classes
    centred        the same of ranks scaled to length 1 by image, by class, averaged over images
    difference     the numerator of `centred`: mean rho less its null over all pairs of images

RULE OF CHOICE, written before any of it was run. A candidate is admissible if
 1. null: in every scenario where the models are independent given the class, its mean over studies
    is within 0.01 of 0;
 2. scale: two models with equal maps score 1, whatever the maps, and reversed maps -1;
 3. calibration: over planted shares of the image's own variance it never falls, and is within
    0.05 of the share;
 4. intervals: its 95 % interval over images holds the truth in at least 92 % of studies, of all
    images and of one class, at 25 images a class and more.
Of the admissible the one is chosen that finds a planted share of 0.05 most often (interval above
0); of several within two standard errors the one with the fewest settings.

The second number takes the object's place and extent out. Objects are drawn that jitter over a
28x28 image, with maps on a 7x7 grid and on 28x28, by candidates

    linear, quadratic   centre and extent of the object regressed out of the rank maps in a class,
                        as they are, or with their squares and products
    box                 both maps cut to the object's box, brought to 14x14
    box + quadratic     and what the box's place and extent still explain regressed out

RULE OF CHOICE: within 0.05 of 0 on average where the two models look at disjoint halves of the
object and where each looks at parts of its own choice, in every drawn scenario, and above 0.2
where they look at the same part of each image; of several the one with the fewest steps.

    python benchmarks/image_specific_rho.py [--studies 200] [--out results/benchmarks]

Writes image_specific_rho.csv and .png. Exit code 1: the measure that the pipeline uses
(`centred`, and `quadratic` or its successor in `SECOND`) breaks its rule.
"""
