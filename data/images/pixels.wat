;; The loops over pixels, in WebAssembly with SIMD. `tools/build_pixels.ts` turns this file into
;; `data/images/pixels_wasm.ts`; `data/images/pixels.ts` is the only user.
;;
;; Pictures are RGB bytes, three a pixel. Loads and stores of 4 or 16 bytes may touch up to 16 bytes
;; behind a picture: the caller leaves that room. Arithmetic is that of Pillow: float32 blends
;; truncated to bytes; resampling with 22 fractional bits, rounded and clipped.
;;
;; Constants of a loop are locals that are set before it: V8 would build those that stand within it again
;; in every turn. In relaxed swizzles, what a negative index gives is 0 on every engine.
;;
;; Products of int32 are slow on many processors, sums of two products of int16 are not: weights with
;; more bits than an int16 has are split.
(module
  (memory (export "memory") 16)

  ;; Blends `bytes` bytes in place with a constant: level + alpha * (byte - level).
  (func (export "blend") (param $at i32) (param $bytes i32) (param $level f32) (param $alpha f32)
    (local $end i32) (local $v v128) (local $low v128) (local $high v128)
    (local $levels v128) (local $alphas v128)
    (local.set $levels (f32x4.splat (local.get $level)))
    (local.set $alphas (f32x4.splat (local.get $alpha)))
    (local.set $end (i32.add (local.get $at) (local.get $bytes)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $v (v128.load (local.get $at)))
        (local.set $low (i16x8.extend_low_i8x16_u (local.get $v)))
        (local.set $high (i16x8.extend_high_i8x16_u (local.get $v)))
        (v128.store (local.get $at)
          (i8x16.narrow_i16x8_u
            (i16x8.narrow_i32x4_s
              (call $blend4 (i32x4.extend_low_i16x8_u (local.get $low))
                (local.get $levels) (local.get $alphas))
              (call $blend4 (i32x4.extend_high_i16x8_u (local.get $low))
                (local.get $levels) (local.get $alphas)))
            (i16x8.narrow_i32x4_s
              (call $blend4 (i32x4.extend_low_i16x8_u (local.get $high))
                (local.get $levels) (local.get $alphas))
              (call $blend4 (i32x4.extend_high_i16x8_u (local.get $high))
                (local.get $levels) (local.get $alphas)))))
        (local.set $at (i32.add (local.get $at) (i32.const 16)))
        (br $next))))

  ;; Four samples (int32) blended with four levels (float32); the result is int32, not yet clipped. All
  ;; values are far within int32, where every engine's relaxed truncation is the same.
  (func $blend4 (param $samples v128) (param $levels v128) (param $alphas v128) (result v128)
    (i32x4.relaxed_trunc_f32x4_s
      (f32x4.add (local.get $levels)
        (f32x4.mul (local.get $alphas)
          (f32x4.sub (f32x4.convert_i32x4_s (local.get $samples)) (local.get $levels))))))

  ;; Pillow's grey of the four pixels at the start of a vector: (19595 R + 38470 G + 7471 B + 2^15) >> 16.
  ;; Half of green's weight goes with red and half with blue: `rg` and `gb` are their lanes.
  (func $gray (param $v v128) (param $rg v128) (param $gb v128)
    (param $weightsRg v128) (param $weightsGb v128) (param $half v128) (result v128)
    (i32x4.shr_u
      (i32x4.add
        (i32x4.add
          (i32x4.dot_i16x8_s
            (i8x16.relaxed_swizzle (local.get $v) (local.get $rg)) (local.get $weightsRg))
          (i32x4.dot_i16x8_s
            (i8x16.relaxed_swizzle (local.get $v) (local.get $gb)) (local.get $weightsGb)))
        (local.get $half))
      (i32.const 16)))

  ;; Blends `pixels` pixels in place with their grey. `pixels` is rounded up to a multiple of 4.
  (func (export "saturate") (param $at i32) (param $pixels i32) (param $alpha f32)
    (local $end i32) (local $v v128) (local $level v128) (local $alphas v128) (local $order v128)
    (local $reds v128) (local $greens v128) (local $blues v128) (local $rg v128) (local $gb v128) (local $weightsRg v128)
    (local $weightsGb v128) (local $half v128)
    (local.set $rg (v128.const i8x16 0 -1 1 -1 3 -1 4 -1 6 -1 7 -1 9 -1 10 -1))
    (local.set $gb (v128.const i8x16 1 -1 2 -1 4 -1 5 -1 7 -1 8 -1 10 -1 11 -1))
    (local.set $weightsRg (i32x4.splat (i32.const 0x4b234c8b)))
    (local.set $weightsGb (i32x4.splat (i32.const 0x1d2f4b23)))
    (local.set $half (i32x4.splat (i32.const 32768)))
    (local.set $reds (v128.const i8x16 0 -1 -1 -1 3 -1 -1 -1 6 -1 -1 -1 9 -1 -1 -1))
    (local.set $greens (v128.const i8x16 1 -1 -1 -1 4 -1 -1 -1 7 -1 -1 -1 10 -1 -1 -1))
    (local.set $blues (v128.const i8x16 2 -1 -1 -1 5 -1 -1 -1 8 -1 -1 -1 11 -1 -1 -1))
    ;; From r0-3 g0-3 b0-3 as bytes back to pixels.
    (local.set $order (v128.const i8x16 0 4 8 1 5 9 2 6 10 3 7 11 -1 -1 -1 -1))
    (local.set $alphas (f32x4.splat (local.get $alpha)))
    (local.set $end (i32.add (local.get $at) (i32.mul (local.get $pixels) (i32.const 3))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $v (v128.load (local.get $at)))
        (local.set $level (f32x4.convert_i32x4_s
          (call $gray (local.get $v) (local.get $rg) (local.get $gb) (local.get $weightsRg)
            (local.get $weightsGb) (local.get $half))))
        (local.set $v
          (i8x16.relaxed_swizzle
            (i8x16.narrow_i16x8_u
              (i16x8.narrow_i32x4_s
                (call $blend4 (i8x16.relaxed_swizzle (local.get $v) (local.get $reds))
                  (local.get $level) (local.get $alphas))
                (call $blend4 (i8x16.relaxed_swizzle (local.get $v) (local.get $greens))
                  (local.get $level) (local.get $alphas)))
              (i16x8.narrow_i32x4_s
                (call $blend4 (i8x16.relaxed_swizzle (local.get $v) (local.get $blues))
                  (local.get $level) (local.get $alphas))
                (local.get $v)))
            (local.get $order)))
        (v128.store64_lane 0 (local.get $at) (local.get $v))
        (v128.store32_lane offset=8 2 (local.get $at) (local.get $v))
        (local.set $at (i32.add (local.get $at) (i32.const 12)))
        (br $next))))

  ;; Sum of the greys of `pixels` pixels, a multiple of 4 below 2^23 (the caller adds the others).
  (func (export "graySum") (param $at i32) (param $pixels i32) (result i32)
    (local $end i32) (local $v v128) (local $sum v128) (local $rg v128) (local $gb v128) (local $weightsRg v128)
    (local $weightsGb v128) (local $half v128)
    (local.set $rg (v128.const i8x16 0 -1 1 -1 3 -1 4 -1 6 -1 7 -1 9 -1 10 -1))
    (local.set $gb (v128.const i8x16 1 -1 2 -1 4 -1 5 -1 7 -1 8 -1 10 -1 11 -1))
    (local.set $weightsRg (i32x4.splat (i32.const 0x4b234c8b)))
    (local.set $weightsGb (i32x4.splat (i32.const 0x1d2f4b23)))
    (local.set $half (i32x4.splat (i32.const 32768)))
    (local.set $end (i32.add (local.get $at) (i32.mul (local.get $pixels) (i32.const 3))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $v (v128.load (local.get $at)))
        (local.set $sum (i32x4.add (local.get $sum)
          (call $gray (local.get $v) (local.get $rg) (local.get $gb) (local.get $weightsRg)
            (local.get $weightsGb) (local.get $half))))
        (local.set $at (i32.add (local.get $at) (i32.const 12)))
        (br $next)))
    (i32.add
      (i32.add (i32x4.extract_lane 0 (local.get $sum)) (i32x4.extract_lane 1 (local.get $sum)))
      (i32.add (i32x4.extract_lane 2 (local.get $sum)) (i32x4.extract_lane 3 (local.get $sum)))))

  ;; Writes `pixels` pixels in reverse order.
  (func (export "mirror") (param $from i32) (param $to i32) (param $pixels i32)
    (local $at i32)
    (local.set $at
      (i32.add (local.get $from)
        (i32.mul (i32.sub (local.get $pixels) (i32.const 1)) (i32.const 3))))
    (block $done
      (loop $next
        (br_if $done (i32.lt_s (local.get $at) (local.get $from)))
        (i32.store (local.get $to) (i32.load (local.get $at)))
        (local.set $to (i32.add (local.get $to) (i32.const 3)))
        (local.set $at (i32.sub (local.get $at) (i32.const 3)))
        (br $next))))

  ;; Sums of products with both parts of the weights, to bytes from 0 to 255 as int32.
  (func $resampled (param $high v128) (param $low v128) (result v128)
    (i32x4.shr_s
      (i32x4.add (i32x4.shl (local.get $high) (i32.const 12)) (local.get $low))
      (i32.const 22)))

  ;; Four rows, `fromBytes` and `toBytes` apart, resampled to `width` pixels. `starts` holds byte offsets,
  ;; `pairs` the pairs of taps of each output pixel, `weights` their weights, `stride` bytes apart: of each
  ;; pair the upper parts, then the lower 12 bits.
  (func (export "resizeRows") (param $from i32) (param $fromBytes i32) (param $to i32) (param $toBytes i32)
    (param $width i32)
    (param $starts i32) (param $pairs i32) (param $weights i32) (param $stride i32)
    (local $p0 i32) (local $p1 i32) (local $p2 i32) (local $p3 i32)
    (local $order v128) (local $start i32) (local $all i32) (local $first v128) (local $w i32) (local $last i32) (local $row i32)
    (local $v v128) (local $upper v128) (local $lower v128) (local $half v128)
    (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (local $e v128) (local $f v128) (local $g v128) (local $h v128)
    (local.set $half (i32x4.splat (i32.const 2097152)))
    ;; Of two pixels, the reds, the greens and the blues.
    (local.set $order (v128.const i8x16 0 -1 3 -1 1 -1 4 -1 2 -1 5 -1 -1 -1 -1 -1))
    (local.set $start (local.get $to))
    (local.set $all (local.get $width))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $width)))
        (local.set $p0 (i32.add (local.get $from) (i32.load (local.get $starts))))
        (local.set $p1 (i32.add (local.get $p0) (local.get $fromBytes)))
        (local.set $p2 (i32.add (local.get $p1) (local.get $fromBytes)))
        (local.set $p3 (i32.add (local.get $p2) (local.get $fromBytes)))
        (local.set $w (local.get $weights))
        (local.set $last
          (i32.add (local.get $w) (i32.shl (i32.load (local.get $pairs)) (i32.const 3))))
        (local.set $a (v128.const i32x4 0 0 0 0))
        (local.set $c (local.get $a))
        (local.set $e (local.get $a))
        (local.set $g (local.get $a))
        (local.set $b (local.get $half))
        (local.set $d (local.get $half))
        (local.set $f (local.get $half))
        (local.set $h (local.get $half))
        (block $summed
          (loop $tap
            (br_if $summed (i32.ge_u (local.get $w) (local.get $last)))
            (local.set $upper (v128.load32_splat (local.get $w)))
            (local.set $lower (v128.load32_splat offset=4 (local.get $w)))
            (local.set $v
              (i8x16.relaxed_swizzle (v128.load64_zero (local.get $p0)) (local.get $order)))
            (local.set $a (i32x4.add (local.get $a)
              (i32x4.dot_i16x8_s (local.get $v) (local.get $upper))))
            (local.set $b (i32x4.add (local.get $b)
              (i32x4.dot_i16x8_s (local.get $v) (local.get $lower))))
            (local.set $p0 (i32.add (local.get $p0) (i32.const 6)))
            (local.set $v
              (i8x16.relaxed_swizzle (v128.load64_zero (local.get $p1)) (local.get $order)))
            (local.set $c (i32x4.add (local.get $c)
              (i32x4.dot_i16x8_s (local.get $v) (local.get $upper))))
            (local.set $d (i32x4.add (local.get $d)
              (i32x4.dot_i16x8_s (local.get $v) (local.get $lower))))
            (local.set $p1 (i32.add (local.get $p1) (i32.const 6)))
            (local.set $v
              (i8x16.relaxed_swizzle (v128.load64_zero (local.get $p2)) (local.get $order)))
            (local.set $e (i32x4.add (local.get $e)
              (i32x4.dot_i16x8_s (local.get $v) (local.get $upper))))
            (local.set $f (i32x4.add (local.get $f)
              (i32x4.dot_i16x8_s (local.get $v) (local.get $lower))))
            (local.set $p2 (i32.add (local.get $p2) (i32.const 6)))
            (local.set $v
              (i8x16.relaxed_swizzle (v128.load64_zero (local.get $p3)) (local.get $order)))
            (local.set $g (i32x4.add (local.get $g)
              (i32x4.dot_i16x8_s (local.get $v) (local.get $upper))))
            (local.set $h (i32x4.add (local.get $h)
              (i32x4.dot_i16x8_s (local.get $v) (local.get $lower))))
            (local.set $p3 (i32.add (local.get $p3) (i32.const 6)))
            (local.set $w (i32.add (local.get $w) (i32.const 8)))
            (br $tap)))
        (local.set $v
          (i8x16.narrow_i16x8_u
            (i16x8.narrow_i32x4_s
              (call $resampled (local.get $a) (local.get $b))
              (call $resampled (local.get $c) (local.get $d)))
            (i16x8.narrow_i32x4_s
              (call $resampled (local.get $e) (local.get $f))
              (call $resampled (local.get $g) (local.get $h)))))
        (if (i32.eq (local.get $width) (local.get $all)) (then (local.set $first (local.get $v))))
        (v128.store32_lane 0 (local.get $to) (local.get $v))
        (local.set $row (i32.add (local.get $to) (local.get $toBytes)))
        (v128.store32_lane 1 (local.get $row) (local.get $v))
        (local.set $row (i32.add (local.get $row) (local.get $toBytes)))
        (v128.store32_lane 2 (local.get $row) (local.get $v))
        (local.set $row (i32.add (local.get $row) (local.get $toBytes)))
        (v128.store32_lane 3 (local.get $row) (local.get $v))
        (local.set $to (i32.add (local.get $to) (i32.const 3)))
        (local.set $starts (i32.add (local.get $starts) (i32.const 4)))
        (local.set $pairs (i32.add (local.get $pairs) (i32.const 4)))
        (local.set $weights (i32.add (local.get $weights) (local.get $stride)))
        (local.set $width (i32.sub (local.get $width) (i32.const 1)))
        (br $next)))
    ;; The last pixel of each row has touched the first one of the next.
    (local.set $row (i32.add (local.get $start) (local.get $toBytes)))
    (v128.store8_lane 4 (local.get $row) (local.get $first))
    (local.set $row (i32.add (local.get $row) (local.get $toBytes)))
    (v128.store8_lane 8 (local.get $row) (local.get $first))
    (local.set $row (i32.add (local.get $row) (local.get $toBytes)))
    (v128.store8_lane 12 (local.get $row) (local.get $first)))

  ;; One row out of `pairs` pairs of rows of `bytes` bytes each, the first at `from`; weights as above.
  (func (export "resizeColumn") (param $from i32) (param $to i32) (param $bytes i32)
    (param $pairs i32) (param $weights i32)
    (local $x i32) (local $p i32) (local $w i32) (local $last i32)
    (local $v v128) (local $both v128) (local $upper v128) (local $lower v128)
    (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (local $next v128) (local $half v128)
    (local.set $half (i32x4.splat (i32.const 2097152)))
    (local.set $last (i32.add (local.get $weights) (i32.shl (local.get $pairs) (i32.const 3))))
    (block $done
      (loop $next16
        (br_if $done (i32.ge_u (local.get $x) (local.get $bytes)))
        (local.set $p (i32.add (local.get $from) (local.get $x)))
        (local.set $w (local.get $weights))
        (local.set $a (local.get $half))
        (local.set $b (local.get $a))
        (local.set $c (local.get $a))
        (local.set $d (local.get $a))
        (block $summed
          (loop $tap
            (br_if $summed (i32.ge_u (local.get $w) (local.get $last)))
            (local.set $upper (v128.load32_splat (local.get $w)))
            (local.set $lower (v128.load32_splat offset=4 (local.get $w)))
            (local.set $v (v128.load (local.get $p)))
            (local.set $p (i32.add (local.get $p) (local.get $bytes)))
            (local.set $next (v128.load (local.get $p)))
            (local.set $p (i32.add (local.get $p) (local.get $bytes)))
            (local.set $w (i32.add (local.get $w) (i32.const 8)))
            ;; Samples of both rows by turns.
            (local.set $both
              (i8x16.shuffle 0 16 1 17 2 18 3 19 4 20 5 21 6 22 7 23
                (local.get $v) (local.get $next)))
            (local.set $next
              (i8x16.shuffle 8 24 9 25 10 26 11 27 12 28 13 29 14 30 15 31
                (local.get $v) (local.get $next)))
            (local.set $v (i16x8.extend_low_i8x16_u (local.get $both)))
            (local.set $a
              (i32x4.add
                (i32x4.add (local.get $a)
                  (i32x4.shl (i32x4.dot_i16x8_s (local.get $v) (local.get $upper)) (i32.const 12)))
                (i32x4.dot_i16x8_s (local.get $v) (local.get $lower))))
            (local.set $v (i16x8.extend_high_i8x16_u (local.get $both)))
            (local.set $b
              (i32x4.add
                (i32x4.add (local.get $b)
                  (i32x4.shl (i32x4.dot_i16x8_s (local.get $v) (local.get $upper)) (i32.const 12)))
                (i32x4.dot_i16x8_s (local.get $v) (local.get $lower))))
            (local.set $v (i16x8.extend_low_i8x16_u (local.get $next)))
            (local.set $c
              (i32x4.add
                (i32x4.add (local.get $c)
                  (i32x4.shl (i32x4.dot_i16x8_s (local.get $v) (local.get $upper)) (i32.const 12)))
                (i32x4.dot_i16x8_s (local.get $v) (local.get $lower))))
            (local.set $v (i16x8.extend_high_i8x16_u (local.get $next)))
            (local.set $d
              (i32x4.add
                (i32x4.add (local.get $d)
                  (i32x4.shl (i32x4.dot_i16x8_s (local.get $v) (local.get $upper)) (i32.const 12)))
                (i32x4.dot_i16x8_s (local.get $v) (local.get $lower))))
            (br $tap)))
        (v128.store (i32.add (local.get $to) (local.get $x))
          (i8x16.narrow_i16x8_u
            (i16x8.narrow_i32x4_s
              (i32x4.shr_s (local.get $a) (i32.const 22))
              (i32x4.shr_s (local.get $b) (i32.const 22)))
            (i16x8.narrow_i32x4_s
              (i32x4.shr_s (local.get $c) (i32.const 22))
              (i32x4.shr_s (local.get $d) (i32.const 22)))))
        (local.set $x (i32.add (local.get $x) (i32.const 16)))
        (br $next16))))

  ;; Four samples (int32) to (sample - mean) / deviation.
  (func $normalize4 (param $to i32) (param $samples v128) (param $mean v128) (param $std v128)
    (v128.store (local.get $to)
      (f32x4.div
        (f32x4.sub (f32x4.convert_i32x4_s (local.get $samples)) (local.get $mean))
        (local.get $std))))

  ;; `pixels` pixels to three planes of float32, `plane` bytes apart. Writes multiples of 4 pixels, so
  ;; the planes must be 16 bytes longer than needed.
  (func (export "normalize") (param $from i32) (param $to i32) (param $pixels i32) (param $plane i32)
    (param $meanR f32) (param $meanG f32) (param $meanB f32)
    (param $stdR f32) (param $stdG f32) (param $stdB f32)
    (local $end i32) (local $v v128) (local $reds v128) (local $greens v128) (local $blues v128)
    (local $meansR v128) (local $meansG v128) (local $meansB v128)
    (local $stdsR v128) (local $stdsG v128) (local $stdsB v128)
    (local.set $reds (v128.const i8x16 0 -1 -1 -1 3 -1 -1 -1 6 -1 -1 -1 9 -1 -1 -1))
    (local.set $greens (v128.const i8x16 1 -1 -1 -1 4 -1 -1 -1 7 -1 -1 -1 10 -1 -1 -1))
    (local.set $blues (v128.const i8x16 2 -1 -1 -1 5 -1 -1 -1 8 -1 -1 -1 11 -1 -1 -1))
    (local.set $meansR (f32x4.splat (local.get $meanR)))
    (local.set $meansG (f32x4.splat (local.get $meanG)))
    (local.set $meansB (f32x4.splat (local.get $meanB)))
    (local.set $stdsR (f32x4.splat (local.get $stdR)))
    (local.set $stdsG (f32x4.splat (local.get $stdG)))
    (local.set $stdsB (f32x4.splat (local.get $stdB)))
    (local.set $end (i32.add (local.get $from) (i32.mul (local.get $pixels) (i32.const 3))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $from) (local.get $end)))
        (local.set $v (v128.load (local.get $from)))
        (call $normalize4 (local.get $to)
          (i8x16.relaxed_swizzle (local.get $v) (local.get $reds))
          (local.get $meansR) (local.get $stdsR))
        (call $normalize4 (i32.add (local.get $to) (local.get $plane))
          (i8x16.relaxed_swizzle (local.get $v) (local.get $greens))
          (local.get $meansG) (local.get $stdsG))
        (call $normalize4 (i32.add (local.get $to) (i32.shl (local.get $plane) (i32.const 1)))
          (i8x16.relaxed_swizzle (local.get $v) (local.get $blues))
          (local.get $meansB) (local.get $stdsB))
        (local.set $from (i32.add (local.get $from) (i32.const 12)))
        (local.set $to (i32.add (local.get $to) (i32.const 16)))
        (br $next)))))
