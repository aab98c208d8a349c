;; The loops over pixels, in WebAssembly with SIMD. `tools/build_pixels.ts` turns this file into
;; `data/images/pixels_wasm.ts`; `data/images/pixels.ts` is the only user.
;;
;; Pictures are RGB bytes, three a pixel. Loads and stores of 4 or 16 bytes may touch up to 16 bytes
;; behind a picture: the caller leaves that room. Arithmetic is that of Pillow: float32 blends
;; truncated to bytes; resampling with 22 fractional bits, rounded and clipped.
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

  ;; Four samples (int32) blended with four levels (float32); the result is int32, not yet clipped.
  (func $blend4 (param $samples v128) (param $levels v128) (param $alphas v128) (result v128)
    (i32x4.trunc_sat_f32x4_s
      (f32x4.add (local.get $levels)
        (f32x4.mul (local.get $alphas)
          (f32x4.sub (f32x4.convert_i32x4_s (local.get $samples)) (local.get $levels))))))

  ;; Red, green and blue of the four pixels at the start of a vector, as int32.
  (func $red (param $v v128) (result v128)
    (i8x16.swizzle (local.get $v)
      (v128.const i8x16 0 -1 -1 -1 3 -1 -1 -1 6 -1 -1 -1 9 -1 -1 -1)))
  (func $green (param $v v128) (result v128)
    (i8x16.swizzle (local.get $v)
      (v128.const i8x16 1 -1 -1 -1 4 -1 -1 -1 7 -1 -1 -1 10 -1 -1 -1)))
  (func $blue (param $v v128) (result v128)
    (i8x16.swizzle (local.get $v)
      (v128.const i8x16 2 -1 -1 -1 5 -1 -1 -1 8 -1 -1 -1 11 -1 -1 -1)))

  ;; Pillow's grey of four pixels: (19595 R + 38470 G + 7471 B + 2^15) >> 16.
  (func $gray (param $r v128) (param $g v128) (param $b v128) (result v128)
    (i32x4.shr_u
      (i32x4.add
        (i32x4.add
          (i32x4.mul (local.get $r) (i32x4.splat (i32.const 19595)))
          (i32x4.mul (local.get $g) (i32x4.splat (i32.const 38470))))
        (i32x4.add
          (i32x4.mul (local.get $b) (i32x4.splat (i32.const 7471)))
          (i32x4.splat (i32.const 32768))))
      (i32.const 16)))

  ;; Blends `pixels` pixels in place with their grey. `pixels` is rounded up to a multiple of 4.
  (func (export "saturate") (param $at i32) (param $pixels i32) (param $alpha f32)
    (local $end i32) (local $v v128) (local $r v128) (local $g v128) (local $b v128)
    (local $level v128) (local $alphas v128)
    (local.set $alphas (f32x4.splat (local.get $alpha)))
    (local.set $end (i32.add (local.get $at) (i32.mul (local.get $pixels) (i32.const 3))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $v (v128.load (local.get $at)))
        (local.set $r (call $red (local.get $v)))
        (local.set $g (call $green (local.get $v)))
        (local.set $b (call $blue (local.get $v)))
        (local.set $level (f32x4.convert_i32x4_s
          (call $gray (local.get $r) (local.get $g) (local.get $b))))
        ;; r0-3 g0-3 b0-3 as bytes, then back in pixel order
        (local.set $v
          (i8x16.swizzle
            (i8x16.narrow_i16x8_u
              (i16x8.narrow_i32x4_s
                (call $blend4 (local.get $r) (local.get $level) (local.get $alphas))
                (call $blend4 (local.get $g) (local.get $level) (local.get $alphas)))
              (i16x8.narrow_i32x4_s
                (call $blend4 (local.get $b) (local.get $level) (local.get $alphas))
                (v128.const i32x4 0 0 0 0)))
            (v128.const i8x16 0 4 8 1 5 9 2 6 10 3 7 11 -1 -1 -1 -1)))
        (v128.store64_lane 0 (local.get $at) (local.get $v))
        (v128.store32_lane offset=8 2 (local.get $at) (local.get $v))
        (local.set $at (i32.add (local.get $at) (i32.const 12)))
        (br $next))))

  ;; Sum of the greys of `pixels` pixels, a multiple of 4 below 2^23 (the caller adds the others).
  (func (export "graySum") (param $at i32) (param $pixels i32) (result i32)
    (local $end i32) (local $v v128) (local $sum v128)
    (local.set $end (i32.add (local.get $at) (i32.mul (local.get $pixels) (i32.const 3))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $v (v128.load (local.get $at)))
        (local.set $sum (i32x4.add (local.get $sum)
          (call $gray (call $red (local.get $v)) (call $green (local.get $v))
            (call $blue (local.get $v)))))
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

  ;; One row resampled to `width` pixels. `starts` holds byte offsets, `lengths` the taps of each
  ;; output pixel, `weights` their weights, `stride` bytes apart (all int32).
  (func (export "resizeRow") (param $from i32) (param $to i32) (param $width i32)
    (param $starts i32) (param $lengths i32) (param $weights i32) (param $stride i32)
    (local $p i32) (local $w i32) (local $last i32) (local $sum v128)
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $width)))
        (local.set $p (i32.add (local.get $from) (i32.load (local.get $starts))))
        (local.set $w (local.get $weights))
        (local.set $last
          (i32.add (local.get $w) (i32.shl (i32.load (local.get $lengths)) (i32.const 2))))
        (local.set $sum (i32x4.splat (i32.const 2097152)))
        (block $summed
          (loop $tap
            (br_if $summed (i32.ge_u (local.get $w) (local.get $last)))
            (local.set $sum
              (i32x4.add (local.get $sum)
                (i32x4.mul
                  (v128.load32_splat (local.get $w))
                  (i32x4.extend_low_i16x8_u
                    (i16x8.extend_low_i8x16_u (v128.load32_zero (local.get $p)))))))
            (local.set $p (i32.add (local.get $p) (i32.const 3)))
            (local.set $w (i32.add (local.get $w) (i32.const 4)))
            (br $tap)))
        (local.set $sum (i32x4.shr_s (local.get $sum) (i32.const 22)))
        (local.set $sum (i16x8.narrow_i32x4_s (local.get $sum) (local.get $sum)))
        (v128.store32_lane 0 (local.get $to)
          (i8x16.narrow_i16x8_u (local.get $sum) (local.get $sum)))
        (local.set $to (i32.add (local.get $to) (i32.const 3)))
        (local.set $starts (i32.add (local.get $starts) (i32.const 4)))
        (local.set $lengths (i32.add (local.get $lengths) (i32.const 4)))
        (local.set $weights (i32.add (local.get $weights) (local.get $stride)))
        (local.set $width (i32.sub (local.get $width) (i32.const 1)))
        (br $next))))

  ;; One row out of `taps` rows of `bytes` bytes each, the first at `from`.
  (func (export "resizeColumn") (param $from i32) (param $to i32) (param $bytes i32)
    (param $taps i32) (param $weights i32)
    (local $x i32) (local $p i32) (local $w i32) (local $last i32)
    (local $v v128) (local $low v128) (local $high v128) (local $weight v128)
    (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (local.set $last (i32.add (local.get $weights) (i32.shl (local.get $taps) (i32.const 2))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $x) (local.get $bytes)))
        (local.set $p (i32.add (local.get $from) (local.get $x)))
        (local.set $w (local.get $weights))
        (local.set $a (i32x4.splat (i32.const 2097152)))
        (local.set $b (local.get $a))
        (local.set $c (local.get $a))
        (local.set $d (local.get $a))
        (block $summed
          (loop $tap
            (br_if $summed (i32.ge_u (local.get $w) (local.get $last)))
            (local.set $v (v128.load (local.get $p)))
            (local.set $weight (v128.load32_splat (local.get $w)))
            (local.set $low (i16x8.extend_low_i8x16_u (local.get $v)))
            (local.set $high (i16x8.extend_high_i8x16_u (local.get $v)))
            (local.set $a (i32x4.add (local.get $a)
              (i32x4.mul (local.get $weight) (i32x4.extend_low_i16x8_u (local.get $low)))))
            (local.set $b (i32x4.add (local.get $b)
              (i32x4.mul (local.get $weight) (i32x4.extend_high_i16x8_u (local.get $low)))))
            (local.set $c (i32x4.add (local.get $c)
              (i32x4.mul (local.get $weight) (i32x4.extend_low_i16x8_u (local.get $high)))))
            (local.set $d (i32x4.add (local.get $d)
              (i32x4.mul (local.get $weight) (i32x4.extend_high_i16x8_u (local.get $high)))))
            (local.set $p (i32.add (local.get $p) (local.get $bytes)))
            (local.set $w (i32.add (local.get $w) (i32.const 4)))
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
        (br $next))))

  ;; Four samples (int32) to (sample - mean) / deviation.
  (func $normalize4 (param $to i32) (param $samples v128) (param $mean f32) (param $std f32)
    (v128.store (local.get $to)
      (f32x4.div
        (f32x4.sub (f32x4.convert_i32x4_s (local.get $samples)) (f32x4.splat (local.get $mean)))
        (f32x4.splat (local.get $std)))))

  ;; `pixels` pixels to three planes of float32, `plane` bytes apart. Writes multiples of 4 pixels, so
  ;; the planes must be 16 bytes longer than needed.
  (func (export "normalize") (param $from i32) (param $to i32) (param $pixels i32) (param $plane i32)
    (param $meanR f32) (param $meanG f32) (param $meanB f32)
    (param $stdR f32) (param $stdG f32) (param $stdB f32)
    (local $end i32) (local $v v128)
    (local.set $end (i32.add (local.get $from) (i32.mul (local.get $pixels) (i32.const 3))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $from) (local.get $end)))
        (local.set $v (v128.load (local.get $from)))
        (call $normalize4 (local.get $to)
          (call $red (local.get $v)) (local.get $meanR) (local.get $stdR))
        (call $normalize4 (i32.add (local.get $to) (local.get $plane))
          (call $green (local.get $v)) (local.get $meanG) (local.get $stdG))
        (call $normalize4 (i32.add (local.get $to) (i32.shl (local.get $plane) (i32.const 1)))
          (call $blue (local.get $v)) (local.get $meanB) (local.get $stdB))
        (local.set $from (i32.add (local.get $from) (i32.const 12)))
        (local.set $to (i32.add (local.get $to) (i32.const 16)))
        (br $next)))))
