// Activation functions and their derivatives, four values at a time.

const NONE = 0u;
const GELU = 1u;
const QUICK_GELU = 2u;
const TANH = 3u;

// Abramowitz and Stegun 7.1.26, error below 1.5e-7.
fn erf(x: vec4f) -> vec4f {
  let size = abs(x);
  let t = 1.0 / (1.0 + 0.3275911 * size);
  let series = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t +
    0.254829592) * t;
  return sign(x) * (1.0 - series * exp(-size * size));
}

fn logistic(x: vec4f) -> vec4f {
  return 1.0 / (1.0 + exp(-x));
}

// The built-in overflows on some drivers.
fn boundedTanh(x: vec4f) -> vec4f {
  return tanh(clamp(x, vec4f(-15.0), vec4f(15.0)));
}

fn activate(x: vec4f, activation: u32) -> vec4f {
  switch activation {
    case GELU: { return 0.5 * x * (1.0 + erf(x * 0.7071067811865476)); }
    case QUICK_GELU: { return x * logistic(1.702 * x); }
    case TANH: { return boundedTanh(x); }
    default: { return x; }
  }
}

fn activationSlope(x: vec4f, activation: u32) -> vec4f {
  switch activation {
    case GELU: {
      let density = exp(-0.5 * x * x) * 0.3989422804014327;
      return 0.5 * (1.0 + erf(x * 0.7071067811865476)) + x * density;
    }
    case QUICK_GELU: {
      let gate = logistic(1.702 * x);
      return gate * (1.0 + 1.702 * x * (1.0 - gate));
    }
    case TANH: {
      let y = boundedTanh(x);
      return 1.0 - y * y;
    }
    default: { return vec4f(1.0); }
  }
}
